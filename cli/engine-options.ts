import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { pathFrom } from '../files/folders.ts';
import { ENGINE_OPTIONS } from '../protocol/engine-options/engines.ts';
import {
	allows,
	type EngineOption,
	type OptionValue,
	rangeOf,
} from '../protocol/engine-options/option.ts';
import { PickupError } from '../protocol/errors.ts';
import { type GenerationRequest, LORA_STRENGTHS } from '../protocol/generation.ts';
import type { Rational } from '../protocol/time.ts';
import { parseSeconds } from './lengths.ts';

type Lora = NonNullable<GenerationRequest['loras']>[number];

/** How an engine is to work, as the command line has it; what is not given is left to the engine. */
export type EngineOptions = {
	readonly lora: readonly Lora[];
	readonly reference?: string;
	readonly referenceStart?: Rational;
	readonly referenceStrength?: number;
	readonly referenceAttention?: number;
	/** Each engine's own, by their names in its table. */
	readonly [setting: string]: unknown;
};

/** Adds what engines can be told: weights beside the model's own, then each engine's table. */
export function addEngineOptions(command: Command): Command {
	const shared = [
		new Option('--lora <path:strength>', 'a LoRA; may be repeated; strength 1 if not given')
			.argParser((text: string, all: readonly Lora[]) => [...all, parseLora(text)])
			.default([], 'none'),
		new Option('--reference <file>', 'a reference clip for an IC-LoRA').argParser((path: string) =>
			resolve(path),
		),
		new Option('--reference-start <seconds>', 'where in that clip to begin').argParser(seconds),
		new Option('--reference-strength <number>', 'how closely to follow it, 0 to 1').argParser(
			fraction,
		),
		new Option(
			'--reference-attention <number>',
			'attention between reference and picture, 0 to 1',
		).argParser(fraction),
	];
	for (const option of shared) command.addOption(option.helpGroup('Options of ltx2:'));
	for (const [engine, options] of Object.entries(ENGINE_OPTIONS)) {
		for (const option of options) {
			command.addOption(asCommandOption(option).helpGroup(`Options of ${engine}:`));
		}
	}
	return command;
}

/** The part of a request that these options make. Throws `usage` for options that need another. */
export function engineParts(
	options: EngineOptions,
): Pick<GenerationRequest, 'settings' | 'loras' | 'reference'> {
	const { lora, reference, referenceStart, referenceStrength, referenceAttention } = options;
	const isDescribed = referenceStart ?? referenceStrength ?? referenceAttention;
	if (reference === undefined && isDescribed !== undefined) {
		throw new PickupError('usage', 'Expected --reference <file> beside its start or strength');
	}
	return {
		settings: settingsIn(options),
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

/** What was given and is not what it would be anyway. */
function settingsIn(options: EngineOptions): GenerationRequest['settings'] {
	const known: readonly EngineOption[] = Object.values(ENGINE_OPTIONS).flat();
	const given = known.flatMap(({ kind, name, default: usual }) => {
		const value = options[name] as OptionValue | undefined;
		if (value === undefined || (kind === 'switch' && value === usual)) return [];
		return [[name, value] as const];
	});
	return Object.fromEntries(given);
}

function asCommandOption(option: EngineOption): Option {
	const { kind, name, help } = option;
	switch (kind) {
		case 'folder':
			return new Option(`--${name} <folder>`, help)
				.env(`PICKUP_${name.toUpperCase()}`)
				.argParser((path: string) => (path === '' ? undefined : pathFrom(path)));
		case 'choice':
			return new Option(`--${name} <choice>`, help).choices(option.choices);
		case 'switch':
			return new Option(
				option.default ? `--no-${name}` : `--${name}`,
				`${option.default ? 'do not ' : ''}${help}`,
			);
		case 'number':
			return new Option(
				`--${name} <${option.unit ?? 'number'}>`,
				`${help}, ${option.least} to ${option.most}`,
			).argParser((text: string) => parseNumber(option, text));
		case 'pixels':
			return new Option(`--${name} <size>`, `${help}, as 768x512`).argParser((text: string) =>
				parseNumber(option, text),
			);
	}
}

/** A number, or for pixels a size as `768x512` too. */
export function parseNumber(option: EngineOption, text: string): number {
	const [, width, height] =
		(option.kind === 'pixels' && /^(\d{2,5})[x×](\d{2,5})$/.exec(text)) || [];
	const value = width && height ? Number(width) * Number(height) : decimal(text);
	if (allows(option, value)) return value;
	throw new InvalidArgumentError(`Expected ${rangeOf(option)}.`);
}

/** `style.safetensors:0.8`: a path, and a strength from −4 to 4 that is 1 where it is left out. */
export function parseLora(text: string): Lora {
	const [, path, strength] = /^(.+?)(?::(-?\d*\.?\d+))?$/.exec(text) ?? [];
	const amount = Number(strength ?? 1);
	const { least, most } = LORA_STRENGTHS;
	if (path !== undefined && amount >= least && amount <= most)
		return { path: resolve(path), strength: amount };
	throw new InvalidArgumentError(
		`Expected a path and a strength from ${least} to ${most}, as a.safetensors:1.`,
	);
}

function seconds(text: string): Rational {
	const parsed = parseSeconds(text);
	if (parsed) return parsed;
	throw new InvalidArgumentError('Expected seconds, as 1.5.');
}

function fraction(text: string): number {
	const value = decimal(text);
	if (value >= 0 && value <= 1) return value;
	throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

/** NaN for anything but digits with or without a point. */
function decimal(text: string): number {
	return /^\d{0,9}\.?\d+$/.test(text) ? Number(text) : Number.NaN;
}
