import { PickupError } from '../../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import type { Provider } from '../runtime/session.ts';

export type Sampler = 'euler' | 'ancestral' | 'res_2s';

/** What a request's settings ask of LTX-2; null where the engine is to choose. */
export type Settings = {
	/** Folder with the weights. */
	readonly model: string;
	/** Seconds of each neighbour to look at. */
	readonly context: number;
	/** Pixels of the last stage's frames. */
	readonly pixels: number | null;
	readonly stages: 1 | 2 | null;
	/** Steps of the first stage. */
	readonly steps: number | null;
	readonly sampler: Sampler | null;
	readonly provider: Provider | 'auto';
};

const PROVIDERS = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
const SAMPLERS = ['auto', 'euler', 'ancestral', 'res_2s'] as const;
const STAGES = ['auto', 1, 2, '1', '2'] as const;

/** Throws PickupError `bad-request` that names the setting. */
export function settingsIn({ settings }: GenerationRequest): Settings {
	const sampler = oneOf(settings, 'sampler', SAMPLERS);
	const stages = oneOf(settings, 'stages', STAGES);
	return {
		model: String(settings.model ?? ''),
		context: number(settings, 'context', 0, 5) ?? 1,
		pixels: number(settings, 'pixels', 32 * 32, 4096 * 2304),
		stages: stages === 'auto' ? null : Number(stages) === 1 ? 1 : 2,
		steps: whole(settings, 'steps', 1, 200),
		sampler: sampler === 'auto' ? null : sampler,
		provider: oneOf(settings, 'provider', PROVIDERS),
	};
}

type Given = GenerationRequest['settings'];

/** Absent: the first of the choices. */
function oneOf<T extends string | number>(given: Given, name: string, choices: readonly T[]): T {
	const value = given[name] ?? choices[0]!;
	const found = choices.find((choice) => choice === value);
	if (found !== undefined) return found;
	throw wrong(name, `one of ${[...new Set(choices.map(String))].join(', ')}`, value);
}

function whole(given: Given, name: string, low: number, high: number): number | null {
	const value = number(given, name, low, high);
	if (value === null || Number.isInteger(value)) return value;
	throw wrong(name, `a whole number from ${low} to ${high}`, value);
}

function number(given: Given, name: string, low: number, high: number): number | null {
	const value = given[name];
	if (value === undefined) return null;
	if (typeof value === 'number' && value >= low && value <= high) return value;
	throw wrong(name, `a number from ${low} to ${high}`, value);
}

function wrong(name: string, expected: string, got: unknown): PickupError {
	return new PickupError('bad-request', `Expected ${expected} as ${name}, got ${got}`, {
		field: `settings.${name}`,
	});
}
