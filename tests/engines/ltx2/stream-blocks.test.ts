import { describe, expect, it } from 'vitest';
import {
	type BlockDevice,
	BlockStream,
} from '../../../inference-daemon/engines/ltx2/runtime/stream-blocks.ts';
import { Clock } from '../../fakes/device/clock.ts';

/** Uploads take 2 s and runs 1 s; says what it does and when. */
class Told implements BlockDevice {
	readonly clock = new Clock();
	readonly said: string[] = [];
	readonly #here = new Map<number, number>();
	readonly #fails: string;

	constructor(fails = '') {
		this.#fails = fails;
	}

	async upload(block: number, place: number, signal: AbortSignal): Promise<void> {
		this.#here.delete(place);
		await this.#does(`up ${block} to ${place}`, 2, signal);
		this.#here.set(place, block);
	}

	async run(block: number, place: number, signal: AbortSignal): Promise<void> {
		expect(this.#here.get(place)).toBe(block);
		await this.#does(`run ${block}`, 1, signal);
		expect(this.#here.get(place)).toBe(block);
	}

	async release(): Promise<void> {
		this.said.push('release');
	}

	async #does(what: string, seconds: number, signal: AbortSignal): Promise<void> {
		const from = this.clock.now;
		if (what === this.#fails) throw new Error(what);
		await this.clock.until(from + seconds);
		signal.throwIfAborted();
		this.said.push(`${what} (${from}–${this.clock.now})`);
	}
}

const never = new AbortController().signal;

describe('Blocks in turn', () => {
	it('stay from the first pass on where all have a place', async () => {
		const device = new Told();
		const stream = new BlockStream(device, { blocks: 3, streamed: [], slots: 0 });
		await device.clock.through(stream.pass(never));
		device.said.length = 0;
		await device.clock.through(stream.pass(never));
		expect(device.said.map((line) => line.split(' (')[0])).toEqual(['run 0', 'run 1', 'run 2']);
	});

	it('come through two places, each while those before it run', async () => {
		const device = new Told();
		const stream = new BlockStream(device, { blocks: 4, streamed: [1, 3], slots: 2 });
		const told: number[] = [];
		await device.clock.through(stream.pass(never));
		device.said.length = 0;
		const from = device.clock.now;
		await device.clock.through(stream.pass(never, (block) => told.push(block)));
		expect(told).toEqual([0, 1, 2, 3]);
		expect(device.said.map((line) => line.split(' (')[0])).toEqual([
			'run 0',
			'up 1 to 2',
			'run 1',
			'up 3 to 3',
			'run 2',
			'run 3',
		]);
		// Two uploads and the last run: the other runs take no time of their own.
		expect(device.clock.now - from).toBe(5);
	});

	it('come through one place, each after the one before it has run', async () => {
		const device = new Told();
		const stream = new BlockStream(device, { blocks: 3, streamed: [0, 1, 2], slots: 1 });
		await device.clock.through(stream.pass(never));
		expect(device.said).toEqual([
			'up 0 to 0 (0–2)',
			'run 0 (2–3)',
			'up 1 to 0 (3–5)',
			'run 1 (5–6)',
			'up 2 to 0 (6–8)',
			'run 2 (8–9)',
		]);
	});

	it('need a place', () => {
		const options = { blocks: 2, streamed: [1], slots: 0 };
		expect(() => new BlockStream(new Told(), options)).toThrow('a place to stream through');
	});
});

describe('What is taken is given back, and nothing runs any more,', () => {
	const options = { blocks: 6, streamed: [1, 3, 5], slots: 2 };

	it.each(['up 0 to 0', 'up 3 to 4', 'run 2', 'run 5'])('after %s has failed', async (fails) => {
		const device = new Told(fails);
		const stream = new BlockStream(device, options);
		await expect(device.clock.through(stream.pass(never))).rejects.toThrow(fails);
		expect(device.said.at(-1)).toBe('release');
		await expect(stream.pass(never)).rejects.toThrow('an open stream');
		await stream.release();
		expect(device.said.filter((line) => line === 'release')).toHaveLength(1);
	});

	it.each([0, 2, 5])('after a signal, when block %i has run', async (last) => {
		const device = new Told();
		const stream = new BlockStream(device, options);
		const controller = new AbortController();
		const reason = new Error('no longer wanted');
		const told: number[] = [];
		const onBlock = (block: number) => {
			told.push(block);
			if (block === last) controller.abort(reason);
		};
		const pass = device.clock.through(stream.pass(controller.signal, onBlock));
		await expect(pass).rejects.toBe(reason);
		expect(told.at(-1)).toBe(last);
		expect(device.said.at(-1)).toBe('release');
	});

	it('before the first pass, by a signal that is aborted already', async () => {
		const device = new Told();
		const stream = new BlockStream(device, options);
		const reason = new Error('never wanted');
		await expect(stream.pass(AbortSignal.abort(reason))).rejects.toBe(reason);
		expect(device.said).toEqual(['release']);
	});
});
