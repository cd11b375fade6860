import { LTX2_OPTIONS } from '../../../../protocol/engine-options/ltx2.ts';
import { readOptions, type ValuesOf } from '../../../../protocol/engine-options/option.ts';
import type { GenerationRequest } from '../../../../protocol/generation.ts';

type Given = ValuesOf<typeof LTX2_OPTIONS>;

export type Sampler = Exclude<Given['sampler'], 'auto'>;

/** What a request's settings ask of LTX-2; null where the engine is to choose. */
export type Settings = Omit<Given, 'stages' | 'sampler'> & {
	readonly stages: 1 | 2 | null;
	readonly sampler: Sampler | null;
};

/** Throws PickupError `bad-request` that names the setting. */
export function settingsIn({ settings }: GenerationRequest): Settings {
	const given = readOptions(LTX2_OPTIONS, settings);
	return {
		...given,
		stages: given.stages === 'auto' ? null : given.stages === '1' ? 1 : 2,
		sampler: given.sampler === 'auto' ? null : given.sampler,
	};
}
