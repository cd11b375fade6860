import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkWeights } from '../../../inference-daemon/engines/ltx2/model/check-weights.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { type Entries, RELEASES, readManifest, sparseCheckpoint } from './sparse.ts';

let folder = '';
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-whole-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(RELEASES)('%s', async (release) => {
	const { files } = await readManifest(release);
	// What an early checkpoint holds beyond the others has a test of its own.
	const labels = Object.keys(files).filter((label) => !label.startsWith('extra'));

	it.each(labels)('every tensor of %s is read by a graph, and none is missing', async (label) => {
		const checkpoint = await Checkpoint.open(await sparseCheckpoint(release, label, folder));
		expect(checkWeights(checkpoint).unused).toEqual([]);
	});
});

it('the text encoder of 2.5 goes with the transformer, which tells the size of its projection', async () => {
	const labels = ['transformer-bf16', 'gemma4'];
	const paths = labels.map((label) => sparseCheckpoint('ltx-2.5-22b', label, folder));
	const checkpoint = await Checkpoint.open(...(await Promise.all(paths)));
	expect(checkWeights(checkpoint).unused).toEqual([]);
	expect(checkpoint.unused()).toEqual([]);
});

it('an early 19B checkpoint, whose decoder is timestep-conditioned, is read whole', async () => {
	const { files } = await readManifest('ltx-2-19b');
	const extra = Object.entries(files).find(([label]) => label.startsWith('extra'))![1];
	const path = await sparseCheckpoint('ltx-2-19b', 'distilled}', folder, (entries) => ({
		...entries,
		...extra,
	}));
	expect(checkWeights(await Checkpoint.open(path)).unused).toEqual([]);
});

it('tells exactly which tensors are missing, misshapen and not asked for', async () => {
	const block = 'model.diffusion_model.transformer_blocks.17';
	const removed = [
		`${block}.attn1.to_q.weight`,
		'vae.decoder.conv_out.conv.bias',
		'vocoder.conv_pre.weight',
	];
	const renamed = {
		[`${block}.audio_ff.net.2.weight`]: `${block}.audio_ff.net.3.weight`,
		'audio_vae.encoder.conv_in.conv.weight': 'audio_vae.encoder.conv_first.conv.weight',
	};
	const misshapen = `${block}.ff.net.0.proj.bias`;
	const change = (entries: Entries): Entries =>
		Object.fromEntries(
			Object.entries(entries)
				.filter(([name]) => !removed.includes(name))
				.map(([name, [type, shape]]) => [
					renamed[name as keyof typeof renamed] ?? name,
					[type, name === misshapen ? [16_385] : shape],
				]),
		);
	const path = await sparseCheckpoint('ltx-2-19b', 'distilled}', folder, change);
	const checkpoint = await Checkpoint.open(path);
	expect(() => checkWeights(checkpoint)).toThrow(
		expect.objectContaining({ name: 'PickupError', code: 'bad-weights' }),
	);
	const { missing, misshapen: wrong } = checkpoint.problems();
	expect([...missing].sort()).toEqual([...removed, ...Object.keys(renamed)].sort());
	expect(wrong).toEqual([{ name: misshapen, expected: [16_384], got: [16_385] }]);
	const strangers = Object.values(renamed);
	expect(checkpoint.unused().filter((name) => strangers.includes(name))).toEqual(strangers);
});
