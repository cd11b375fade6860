import type { EngineOption } from './option.ts';

export const INBETWEEN_OPTIONS = [
	{ kind: 'switch', name: 'label', help: 'write DRAFT on the picture', default: true },
] as const satisfies readonly EngineOption[];
