import * as z from 'zod';
import { PickupError } from '../errors.ts';

const shared = {
	name: z.string().min(1).max(64).describe('As in `settings` of a request.'),
	help: z.string().describe('What it does, in an editor’s words.'),
};

/**
 * One of an engine's settings, as plain data that command, panel and engine read alike: what it is
 * called, what it may be, what it is where nobody chooses, and what it does.
 */
export const engineOptionSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({
			kind: z.literal('number'),
			...shared,
			least: z.number(),
			most: z.number(),
			whole: z.boolean(),
			unit: z.string().optional().describe('E.g. seconds.'),
			default: z.union([z.number(), z.literal('auto')]).describe('auto: the engine chooses.'),
		}),
		z.strictObject({
			kind: z.literal('pixels').describe('Pixels of a frame; people write 768x512.'),
			...shared,
			least: z.number(),
			most: z.number(),
			default: z.literal('auto'),
		}),
		z.strictObject({
			kind: z.literal('choice'),
			...shared,
			choices: z.array(z.string()).readonly(),
			default: z.string(),
		}),
		z.strictObject({ kind: z.literal('switch'), ...shared, default: z.boolean() }),
		z.strictObject({ kind: z.literal('folder'), ...shared, default: z.string() }),
	])
	.readonly()
	.meta({ id: 'EngineOption' });

export type EngineOption = z.infer<typeof engineOptionSchema>;

/** What a request may set an option to. */
export type OptionValue = string | number | boolean;

type ValueOf<O extends EngineOption> = O extends { kind: 'number' }
	? O['default'] extends number
		? number
		: number | null
	: O extends { kind: 'pixels' }
		? number | null
		: O extends { kind: 'choice' }
			? O['choices'][number]
			: O extends { kind: 'switch' }
				? boolean
				: string;

export type ValuesOf<T extends readonly EngineOption[]> = {
	readonly [O in T[number] as O['name']]: ValueOf<O>;
};

/**
 * The settings of a request, with the default of each that it leaves out; null where that is `auto`
 * and the option a number. Throws PickupError `bad-request` that names the setting.
 */
export function readOptions<const T extends readonly EngineOption[]>(
	options: T,
	settings: Readonly<Record<string, OptionValue>>,
): ValuesOf<T> {
	const values = options.map((option) => {
		const given = settings[option.name];
		// A choice that looks like a number may come as one.
		const value = option.kind === 'choice' && given !== undefined ? String(given) : given;
		if (value !== undefined && !allows(option, value)) {
			throw new PickupError(
				'bad-request',
				`Expected ${rangeOf(option)} as ${option.name}, got ${given}`,
				{ field: `settings.${option.name}` },
			);
		}
		const otherwise = option.kind !== 'choice' && option.default === 'auto' ? null : option.default;
		return [option.name, value ?? otherwise];
	});
	return Object.fromEntries(values) as ValuesOf<T>;
}

export function allows(option: EngineOption, value: OptionValue): boolean {
	switch (option.kind) {
		case 'number':
		case 'pixels': {
			if (typeof value !== 'number' || !(value >= option.least && value <= option.most))
				return false;
			return Number.isInteger(value) || (option.kind === 'number' && !option.whole);
		}
		case 'choice':
			return option.choices.some((choice) => choice === value);
		case 'switch':
			return typeof value === 'boolean';
		case 'folder':
			return typeof value === 'string';
	}
}

/** E.g. `a whole number from 1 to 200`. */
export function rangeOf(option: EngineOption): string {
	switch (option.kind) {
		case 'number':
			return `a ${option.whole ? 'whole ' : ''}number from ${option.least} to ${option.most}`;
		case 'pixels':
			return `a size as 768x512, or ${option.least} to ${option.most} pixels`;
		case 'choice':
			return `one of ${option.choices.join(', ')}`;
		case 'switch':
			return 'true or false';
		case 'folder':
			return 'the path of a folder';
	}
}
