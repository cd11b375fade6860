import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSafetensors } from '../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { type Cut, makeCut, requestFor } from '../engines/ltx2/shots.ts';
import { type Entries, writeWeights } from '../engines/ltx2/sparse.ts';
import { TINY_GEMMA, tinyCheckpoint } from '../engines/ltx2/tiny.ts';
import { leftBy, openScene, type Scene } from './ltx2-scene.ts';

let scene: Scene;
let cut: Cut;
beforeAll(async () => {
	scene = await openScene();
	cut = await makeCut(scene.studio);
});
afterAll(() => scene.close());

function fill(model = scene.studio.model, extra: Readonly<Record<string, unknown>> = {}) {
	const settings = { model, provider: 'cpu', context: 0.1, pixels: 64 * 64, steps: 2 };
	return requestFor('fill', cut, { settings, ...extra });
}

/** What a request is refused with before or after it is queued; nothing is left of it either way. */
async function refusal(request: GenerationRequest): Promise<Problem> {
	const before = await leftBy(scene);
	const { error, result } = await scene.peer.ask('job.submit', { request });
	const { jobs } = await scene.peer.call('job.list', {});
	let problem = error?.data as Problem | undefined;
	if (problem !== undefined) {
		expect(jobs.map(({ id }) => id)).not.toContain(request.id);
		problem = { ...problem, message: error!.message };
	} else {
		const { job } = result as { job: { id: string } };
		const ended = await scene.ended(job.id);
		expect(ended).toMatchObject({ state: 'failed', clip: null });
		problem = ended.problem!;
	}
	expect(problem.action).not.toBe('');
	expect(await leftBy(scene)).toEqual(before);
	return problem;
}

/** A folder with Gemma and a checkpoint as `make` makes it. */
async function modelWith(name: string, make: (path: string) => Promise<void>): Promise<string> {
	const folder = join(scene.studio.folder, name);
	await mkdir(folder);
	await symlink(TINY_GEMMA, join(folder, 'gemma'));
	await make(join(folder, 'weights.safetensors'));
	return folder;
}

test('no weights: which folder was looked into, which files are needed, how large and where', async () => {
	const nowhere = join(scene.studio.folder, 'nowhere');
	const { code, message, action } = await refusal(fill(nowhere));
	expect(code).toBe('engine-unavailable');
	expect(message).toContain(nowhere);
	expect(action).toMatch(/43\.3 GB.*25/s);
});

test('Gemma alone', async () => {
	const folder = await modelWith('gemma alone', async () => {});
	const { code, message } = await refusal(fill(folder));
	expect(code).toBe('engine-unavailable');
	expect(message).toMatch(/transformer/);
});

test.each(['config.json', 'tokenizer.json', 'tokenizer_config.json'])(
	'a pipe as Gemma’s %s holds up nobody',
	async (name) => {
		const folder = join(scene.studio.folder, `pipe as ${name}`);
		const gemma = join(folder, 'gemma');
		await mkdir(gemma, { recursive: true });
		const weights = await tinyCheckpoint('ltx-2-tiny');
		await symlink(weights, join(folder, 'weights.safetensors'));
		for (const other of await readdir(TINY_GEMMA)) {
			if (other !== name) await symlink(join(TINY_GEMMA, other), join(gemma, other));
		}
		await promisify(execFile)('mkfifo', [join(gemma, name)]);
		const { code, message } = await refusal(fill(folder));
		expect(message).toContain(join(gemma, name));
		expect(['not-a-regular-file', 'engine-unavailable']).toContain(code);
	},
);

test('half a checkpoint, the transformer alone: what is missing', async () => {
	const folder = await modelWith('transformer alone', async (path) => {
		const source = await tinyCheckpoint('ltx-2-tiny');
		const { metadata, tensors } = await readSafetensors(source);
		const entries: Record<string, Entries[string]> = {};
		for (const [name, { type, shape }] of tensors) {
			if (name.startsWith('model.diffusion_model.')) entries[name] = [type, shape];
		}
		await writeWeights(path, entries, metadata);
	});
	const { code, message } = await refusal(fill(folder));
	expect(code).toBe('engine-unavailable');
	expect(message).toMatch(/missing: .*video decoder.*audio decoder.*vocoder/);
	expect(message).not.toMatch(/missing: .*transformer/);
});

test('half a file, as a download that broke off leaves it: its name', async () => {
	const folder = await modelWith('half a file', async (path) => {
		const whole = await readFile(await tinyCheckpoint('ltx-2-tiny'));
		await writeFile(path, whole.subarray(0, whole.length / 2));
	});
	const { message } = await refusal(fill(folder));
	expect(message).toContain(join(folder, 'weights.safetensors'));
});

test('a file whose header breaks off: its name', async () => {
	const folder = await modelWith('half a header', async (path) => {
		const file = await open(await tinyCheckpoint('ltx-2-tiny'));
		const { buffer } = await file.read(Buffer.alloc(1000), 0, 1000, 0);
		await file.close();
		await writeFile(path, buffer);
	});
	const { message } = await refusal(fill(folder));
	expect(message).toContain(join(folder, 'weights.safetensors'));
});

test('media that is offline on both sides: which', async () => {
	const { context, ...request } = fill();
	const offline = (name: string) => ({
		kind: 'offline',
		path: `/gone/${name}`,
		reason: 'not found',
	});
	const left = { ...context.left!, source: offline('a.mov') };
	const right = { ...context.right!, source: offline('b.mov') };
	const asked = { ...request, context: { ...context, left, right, sound: [] } };
	const { code, message } = await refusal(asked as GenerationRequest);
	expect(code).toBe('media-offline');
	expect(message).toContain('/gone/a.mov');
	expect(message).toContain('/gone/b.mov');
});

test('media that went away without a word to the editor: which', async () => {
	const { context, ...request } = fill();
	const path = join(scene.studio.folder, 'went away.mov');
	const left = { ...context.left!, source: { kind: 'file', path } };
	const asked = { ...request, context: { ...context, left } };
	const { code, message } = await refusal(asked as GenerationRequest);
	expect(code).toBe('media-offline');
	expect(message).toContain(path);
});

test('a prompt of more tokens than the model reads: how many, of how many', async () => {
	const { code, message, field } = await refusal(fill(undefined, { prompt: 'kite '.repeat(1200) }));
	expect({ code, field }).toEqual({ code: 'bad-request', field: 'prompt' });
	const [, count] = /at most 1024 tokens, got (\d+)/.exec(message) ?? [];
	expect(Number(count)).toBeGreaterThan(1024);
});

test('a gap beyond the limit: the limit, and one that long is planned', async () => {
	const { context, ...request } = fill();
	const of = (length: number) => {
		const range = { start: context.range.start, end: context.range.start + length };
		return { ...request, context: { ...context, range, right: null } } as GenerationRequest;
	};
	const { code, message } = await refusal(of(20_000));
	expect(code).toBe('too-long');
	const [, most] = /at most (\d+) frames at 24 .* got 20000/.exec(message) ?? [];
	expect((await refusal(of(Number(most) + 1))).code).toBe('too-long');
	const { plan } = await scene.peer.call('job.plan', { request: of(Number(most)) });
	expect(plan.frames).toBe(Number(most));
});

test('a LoRA for another family: its file, and both families', async () => {
	const path = join(scene.studio.folder, 'gated.safetensors');
	const module = 'diffusion_model.transformer_blocks.0.attn1.to_gate_logits';
	await writeWeights(path, {
		[`${module}.lora_A.weight`]: ['F32', [2, 56]],
		[`${module}.lora_B.weight`]: ['F32', [4, 2]],
	});
	const { code, message } = await refusal(fill(undefined, { loras: [{ path, strength: 1 }] }));
	expect(code).toBe('bad-weights');
	expect(message).toContain(path);
	expect(message).toMatch(/for LTX-2 19B.* for LTX-2\.3/);
});

test('a LoRA that is no LoRA, and one that is not there: its file', async () => {
	const whole = await tinyCheckpoint('ltx-2-tiny');
	const gone = join(scene.studio.folder, 'gone.safetensors');
	for (const path of [whole, gone]) {
		const { code, message } = await refusal(fill(undefined, { loras: [{ path, strength: 1 }] }));
		expect(code).toBe('bad-weights');
		expect(message).toContain(path);
	}
});
