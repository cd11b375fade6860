import { INBETWEEN_OPTIONS } from './inbetween.ts';
import { LTX2_OPTIONS } from './ltx2.ts';
import type { EngineOption } from './option.ts';

/** The engines that come with Pickup, best first, and what each can be told. */
export const ENGINE_OPTIONS = {
	ltx2: LTX2_OPTIONS,
	inbetween: INBETWEEN_OPTIONS,
} as const satisfies Readonly<Record<string, readonly EngineOption[]>>;

export type BuiltInEngine = keyof typeof ENGINE_OPTIONS;
