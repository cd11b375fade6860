import type { Provider } from '../../inference-daemon/engines/ltx2/runtime/provider.ts';
import {
	type Layout,
	TransformerRunner,
} from '../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import { Checkpoint } from '../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { midSizeInputs, writeMidSize, writeRounded } from './mid-size.ts';

const STEPS = [1, 0.7, 0.3];

/**
 * What each way to hold weights is off, over whole steps of a transformer of 8 blocks, 1,024 wide:
 * relative to the size of the velocities, root of mean squares. WebGPU where it has a device.
 */
export async function benchPrecision(folder: string): Promise<void> {
	const exact = await Checkpoint.open(await writeMidSize(folder));
	const rounded = await Checkpoint.open(await writeRounded(folder, exact));
	const expected = await velocities(exact, 'cpu', 'float');
	const ofRounded = await velocities(rounded, 'cpu', 'float');
	console.log('off per step, picture and sound, 8 blocks, 1,024 wide:');
	console.log(`  int8 itself                   ${apart(ofRounded, expected)}`);
	const ways: readonly (readonly [Provider, Layout['weights'], Checkpoint, typeof expected])[] = [
		['cpu', 'stored', exact, expected],
		['cpu', 'int8', exact, ofRounded],
		['webgpu', 'float', exact, expected],
		['webgpu', 'int8', exact, ofRounded],
	];
	for (const [provider, weights, checkpoint, reference] of ways) {
		const named = `  ${provider}, ${weights}`.padEnd(32);
		try {
			console.log(`${named}${apart(await velocities(checkpoint, provider, weights), reference)}`);
		} catch (error) {
			if (provider === 'cpu') throw error;
			console.log(`${named}left out: ${error instanceof Error ? error.message : error}`);
		}
	}
}

async function velocities(
	checkpoint: Checkpoint,
	provider: Provider,
	weights: Layout['weights'],
): Promise<readonly (readonly Float32Array[])[]> {
	const { settings, stepAt } = midSizeInputs();
	const layout: Layout = { weights, streamed: [1, 3, 5, 7], slots: 2 };
	const runner = new TransformerRunner(checkpoint, settings, { provider, layout });
	try {
		const steps: Float32Array[][] = [];
		for (const sigma of STEPS) {
			const [made] = await runner.velocities([stepAt(sigma)]);
			steps.push([made!.video!, made!.audio!]);
		}
		return steps;
	} finally {
		await runner.release();
	}
}

function apart(
	got: readonly (readonly Float32Array[])[],
	expected: readonly (readonly Float32Array[])[],
): string {
	const errors = got.map((streams, step) =>
		streams
			.map((data, stream) => relative(data, expected[step]![stream]!).toExponential(1))
			.join(' '),
	);
	return errors.join('   ');
}

function relative(got: Float32Array, expected: Float32Array): number {
	let [off, whole] = [0, 0];
	for (let i = 0; i < got.length; i++) {
		off += (got[i]! - expected[i]!) ** 2;
		whole += expected[i]! ** 2;
	}
	return Math.sqrt(off / whole);
}
