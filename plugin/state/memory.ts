import * as z from 'zod';
import type { PanelState as Shared } from '../../protocol/rpc.ts';
import { oncePer } from './once-per.ts';
import type { PhaseMark } from './phases.ts';
import type { Habits } from './wish.ts';

/** What the daemon keeps for all panels, by name. What does not fit is as if it was never kept. */
const memories = {
	prompts: z.array(z.string()),
	habits: z.object({
		quality: z.enum(['draft', 'standard', 'fine']),
		engine: z.string().nullable(),
		takes: z.int().min(1).max(8),
		draft: z.boolean(),
		settings: z.record(
			z.string(),
			z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
		),
	}),
	language: z.enum(['en', 'de', 'ja']),
	theme: z.enum(['dark', 'light']),
} as const;

export type Language = z.infer<(typeof memories)['language']>;
export type Theme = z.infer<(typeof memories)['theme']>;
export type MemoryKey = keyof typeof memories;
export type Memory = {
	readonly prompts: readonly string[];
	readonly habits: Habits | null;
	/** Null: as the system has it. */
	readonly language: Language | null;
	readonly theme: Theme | null;
};

/** As many prompts are kept. */
const MOST_PROMPTS = 50;
/** A value of the daemon's memory has at most 64 KiB. */
const MOST_LETTERS = 20_000;

/** Every text of the page asks for it, by its language. */
export const memoryOf = oncePer(({ memory }: Shared): Memory => {
	const read = <K extends MemoryKey>(key: K): z.infer<(typeof memories)[K]> | null => {
		const found = memories[key].safeParse(memory[key]);
		return found.success ? (found.data as z.infer<(typeof memories)[K]>) : null;
	};
	return {
		prompts: read('prompts') ?? [],
		habits: read('habits'),
		language: read('language'),
		theme: read('theme'),
	};
});

/** The prompts with one that was just used, newest first. */
export function withPrompt(prompts: readonly string[], prompt: string): readonly string[] {
	const text = prompt.trim();
	if (text === '') return prompts;
	const all = [text, ...prompts.filter((known) => known !== text)].slice(0, MOST_PROMPTS);
	let letters = 0;
	return all.filter((each, index) => {
		letters += each.length;
		return index === 0 || letters <= MOST_LETTERS;
	});
}

/** The phases of the last job of an engine, so that the next one's bar is as wide; by engine and kind. */
export function phasesKey(engine: string, kind: string): string {
	return `phases-${engine}-${kind}`
		.toLowerCase()
		.replace(/[^a-z0-9-]/g, '-')
		.slice(0, 64);
}

const phasesSchema = z.array(z.object({ phase: z.string(), from: z.number() })).max(100);

export function phasesIn({ memory }: Shared, engine: string, kind: string): readonly PhaseMark[] {
	const found = phasesSchema.safeParse(memory[phasesKey(engine, kind)]);
	return found.success ? found.data : [];
}
