import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PickupError } from '../protocol/errors.ts';
import type { GenerationRequest } from '../protocol/generation.ts';
import type { Rational } from '../protocol/time.ts';
import { parseSeconds } from './lengths.ts';

type Lora = NonNullable<GenerationRequest['loras']>[number];

/** How an engine with a model is to work; what is not given is left to the engine. */
export type EngineOptions = {
	/** Folder with the weights. */
	readonly model?: string;
	readonly lora: readonly Lora[];
	readonly reference?: string;
	readonly referenceStart?: Rational;
	readonly referenceStrength?: number;
	readonly referenceAttention?: number;
	readonly steps?: number;
	readonly stages?: 1 | 2 | 'auto';
	readonly context?: number;
	readonly pixels?: number;
	readonly sampler?: string;
	readonly provider?: string;
};

const SAMPLERS = ['auto', 'euler', 'ancestral', 'res_2s'];
const PROVIDERS = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'];

/** Adds what engines with a model take. */
export function addEngineOptions(command: Command): Command {
	const options = [
		new Option('--model <folder>', 'the weights').env('PICKUP_MODEL'),
		new Option('--lora <path:strength>', 'a LoRA; may be repeated; strength 1 if not given')
			.argParser((text: string, all: readonly Lora[]) => [...all, parseLora(text)])
			.default([], 'none'),
		new Option('--reference <file>', 'a clip that an IC-LoRA goes by').argParser((path: string) =>
			resolve(path),
		),
		new Option('--reference-start <seconds>', 'where in that clip to begin').argParser(seconds),
		new Option('--reference-strength <number>', 'how closely to follow it, 0 to 1').argParser(
			numberFrom(0, 1),
		),
		new Option('--reference-attention <number>', 'how much both heed each other').argParser(
			numberFrom(0, 1),
		),
		new Option('--steps <number>', 'steps of the first stage').argParser(wholeNumberFrom(1, 200)),
		new Option('--stages <number>', '2 finishes at twice the size; 1, 2 or auto').argParser(stages),
		new Option('--context <seconds>', 'how much to look at on each side, 0 to 5').argParser(
			numberFrom(0, 5),
		),
		new Option('--pixels <size>', 'size to work at, as 768x512; its shape is the cut’s').argParser(
			parsePixels,
		),
		new Option('--sampler <name>', 'how a step is taken').choices(SAMPLERS),
		new Option('--provider <name>', 'what computes').choices(PROVIDERS),
	];
	for (const option of options) command.addOption(option.helpGroup('Options of ltx2:'));
	return command;
}

/** The part of a request that these options make. Throws `usage` for options that need another. */
export function engineParts(
	options: EngineOptions,
): Pick<GenerationRequest, 'settings' | 'loras' | 'reference'> {
	const { lora, reference, model, steps, stages, context, pixels, sampler, provider } = options;
	const { referenceStart, referenceStrength, referenceAttention } = options;
	const isDescribed = referenceStart ?? referenceStrength ?? referenceAttention;
	if (reference === undefined && isDescribed !== undefined) {
		throw new PickupError('usage', 'Expected --reference <file> beside its start or strength');
	}
	const settings = { steps, stages, context, pixels, sampler, provider };
	const named = Object.entries({ model: model && resolve(model), ...settings });
	return {
		settings: Object.fromEntries(
			named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
		),
		...(lora.length === 0 ? {} : { loras: lora }),
		...(reference !== undefined && {
			reference: {
				path: reference,
				start: referenceStart ?? { num: 0, den: 1 },
				strength: referenceStrength ?? 1,
				attention: referenceAttention ?? 1,
			},
		}),
	};
}

/** `style.safetensors:0.8`: a path, and a strength from −4 to 4 that is 1 where it is left out. */
export function parseLora(text: string): Lora {
	const [, path, strength] = /^(.+?)(?::(-?\d*\.?\d+))?$/.exec(text) ?? [];
	const amount = Number(strength ?? 1);
	if (path !== undefined && Math.abs(amount) <= 4) return { path: resolve(path), strength: amount };
	throw new InvalidArgumentError(
		'Expected a path and a strength from -4 to 4, as a.safetensors:1.',
	);
}

/** `768x512` or a count of pixels. */
export function parsePixels(text: string): number {
	const [, width, height] = /^(\d{2,5})[x×](\d{2,5})$/.exec(text) ?? [];
	const pixels = width && height ? Number(width) * Number(height) : wholeNumber(text);
	if (pixels >= LEAST_PIXELS && pixels <= MOST_PIXELS) return pixels;
	throw new InvalidArgumentError('Expected a size from 32x32 to 4096x2304, as 768x512.');
}

const LEAST_PIXELS = 32 * 32;
const MOST_PIXELS = 4096 * 2304;

function stages(text: string): 1 | 2 | 'auto' {
	if (text === 'auto') return 'auto';
	if (text === '1') return 1;
	if (text === '2') return 2;
	throw new InvalidArgumentError('Expected 1, 2 or auto.');
}

function seconds(text: string): Rational {
	const parsed = parseSeconds(text);
	if (parsed) return parsed;
	throw new InvalidArgumentError('Expected seconds, as 1.5.');
}

function numberFrom(low: number, high: number): (text: string) => number {
	return (text) => {
		const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
		if (value >= low && value <= high) return value;
		throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
	};
}

function wholeNumberFrom(low: number, high: number): (text: string) => number {
	return (text) => {
		const value = wholeNumber(text);
		if (value >= low && value <= high) return value;
		throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`);
	};
}

/** NaN for anything else. */
function wholeNumber(text: string): number {
	return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
