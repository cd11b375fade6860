import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import {
	type ContextOptions,
	promptContext,
} from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import type { Context } from '../../../inference-daemon/engines/ltx2/prompt/encode.ts';
import { openTextEncoder } from '../../../inference-daemon/engines/ltx2/prompt/encoder.ts';
import { onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { readTensors, type Tensors } from './tensors.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

/** Whole runs of the reference; see tests/golden/runs/README.md. */
const FOLDER = fileURLToPath(new URL('../../golden/runs/', import.meta.url));

/** A prompt of a run with what the reference made of it. */
export type PromptCase = {
	readonly name: string;
	readonly run: string;
	/** How its tensors begin. */
	readonly prefix: 'text' | 'text_neg';
	readonly prompt: string;
	readonly length: number;
	/** Without `.safetensors`. */
	readonly checkpoint: string;
};

type Run = {
	readonly prompt: string;
	readonly negative_prompt: string | null;
	readonly text_length: number;
	readonly checkpoint: string;
};

export const PROMPTS: readonly PromptCase[] = readdirSync(FOLDER)
	.filter((file) => file.endsWith('.json'))
	.flatMap((file) => {
		const run = file.replace('.json', '');
		const told = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Run;
		const checkpoint = told.checkpoint.replace('.safetensors', '');
		const shared = { run, length: told.text_length, checkpoint };
		const one = { ...shared, name: run, prefix: 'text', prompt: told.prompt } as const;
		if (told.negative_prompt === null) return [one];
		const negative = { name: `${run}, negative`, prefix: 'text_neg' } as const;
		return [one, { ...shared, ...negative, prompt: told.negative_prompt }];
	});

export async function goldenText({ run, prefix }: PromptCase) {
	const { tensors } = await readTensors(join(FOLDER, `${run}.safetensors`));
	return {
		tokens: validTokens(tensors, prefix),
		video: tensors[`${prefix}.video_context`]!,
		audio: tensors[`${prefix}.audio_context`]!,
	};
}

/** Without the padding on the left. */
function validTokens(tensors: Tensors, prefix: string): number[] {
	const mask = tensors[`${prefix}.attention_mask`]!.data;
	return [...tensors[`${prefix}.input_ids`]!.data].map(Number).filter((_, i) => Number(mask[i]));
}

export async function contextOf(
	prompt: string,
	options: ContextOptions = {},
	checkpoint = 'ltx-2-tiny',
): Promise<Context> {
	const encoder = await openTextEncoder(TINY_GEMMA);
	const model = await Checkpoint.open(await tinyCheckpoint(checkpoint));
	return promptContext(prompt, encoder, model, options);
}

/** Of the tiny models: embedding, six layers, norm, projection, two connectors. */
export const SESSIONS = 11;

/** Counts sessions anew in each test of a file, and expects none to be left behind. */
export function countSessions() {
	const sessions = { now: 0, most: 0, opened: 0 };
	const stop = onSessions(({ length: now }) => {
		if (now > sessions.now) sessions.opened++;
		sessions.now = now;
		sessions.most = Math.max(sessions.most, now);
	});
	beforeEach(() => Object.assign(sessions, { now: 0, most: 0, opened: 0 }));
	afterEach(() => expect(sessions.now).toBe(0));
	afterAll(stop);
	return sessions;
}
