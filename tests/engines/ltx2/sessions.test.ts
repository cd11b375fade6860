import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { liveSessions, onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { type Cut, make, makeCut, openStudio, requestFor, type Studio } from './shots.ts';

let studio: Studio;
let cut: Cut;
beforeAll(async () => {
	studio = await openStudio();
	cut = await makeCut(studio);
});
afterAll(() => studio.close());

const TEXT = /^(gemma|text features|connector)/;
const TRANSFORMER = /^(transformer|caption projection|rotary tables)/;
const CODEC = /^(video|audio) (en|de)coder|^vocoder|^upsampler/;

/** All sessions that were open together at some moment. */
async function momentsOf(work: () => Promise<unknown>): Promise<readonly (readonly string[])[]> {
	const moments: (readonly string[])[] = [];
	const stop = onSessions((names) => moments.push(names));
	try {
		await work();
	} finally {
		stop();
	}
	return moments;
}

it.each(['fill', 'insert', 'soundtrack'] as const)(
	'%s never holds the text encoder beside the transformer',
	async (kind) => {
		const settings = {
			model: studio.model,
			provider: 'cpu',
			context: 0.1,
			pixels: 64 * 64,
			steps: 2,
		};
		const request = requestFor(kind, cut, { settings, prompt: `a kite for ${kind}` });
		const moments = await momentsOf(() => make(request, studio, kind));
		const seen = (pattern: RegExp) =>
			moments.filter((names) => names.some((one) => pattern.test(one)));
		const unknown = moments
			.flat()
			.filter((name) => ![TEXT, TRANSFORMER, CODEC].some((one) => one.test(name)));
		expect(unknown).toEqual([]);
		for (const pattern of [TEXT, TRANSFORMER, CODEC])
			expect(seen(pattern).length).toBeGreaterThan(0);
		const both = (one: RegExp, other: RegExp) =>
			seen(one).filter((names) => seen(other).includes(names));
		expect(both(TEXT, TRANSFORMER)).toEqual([]);
		expect(both(TEXT, CODEC)).toEqual([]);
		expect(both(TRANSFORMER, CODEC)).toEqual([]);
		// The picture has all of the memory.
		expect(both(/^video decoder/, /^audio decoder|^vocoder/)).toEqual([]);
		expect(liveSessions()).toEqual([]);
	},
);

it('each network runs in the phase that the editor reads', async () => {
	const request = requestFor('fill', cut, { prompt: 'a kite in its phases' });
	let phase = '';
	const found = new Map<string, Set<string>>();
	let before: readonly string[] = [];
	const stop = onSessions((names) => {
		// What a session's own time is told as has come through when it is closed.
		for (const name of before.filter((one) => !names.includes(one))) {
			const kind = /^[a-z]+( (en|de)coder)?/.exec(name)![0];
			found.set(kind, (found.get(kind) ?? new Set()).add(phase));
		}
		before = names;
	});
	const { signal } = new AbortController();
	await make(request, studio, 'phases', signal, (output) => {
		if (output.kind === 'progress') phase = output.phase;
	}).finally(stop);
	expect([...found.get('gemma')!]).toEqual(['Reading the prompt']);
	expect([...found.get('audio encoder')!]).toEqual(['Looking at the neighbours']);
	expect([...found.get('transformer')!]).toEqual(['Making the shot']);
	expect([...found.get('video decoder')!]).toEqual(['Drawing the picture']);
	expect([...found.get('vocoder')!]).toEqual(['Drawing the picture']);
});

it('a neighbour that cannot be read ends the job while its prompt is being read', async () => {
	const path = join(studio.folder, 'broken.mov');
	await writeFile(path, 'no film');
	const right = { ...cut.right, source: { kind: 'file', path } as const };
	const request = requestFor('fill', { ...cut, right }, { prompt: 'a kite without one' });
	const seen = new Set<string>();
	const stop = onSessions((names) => {
		for (const name of names) seen.add(name);
	});
	// The second network of the prompt takes as long as it is let.
	const { run } = Session.prototype;
	let begun = 0;
	vi.spyOn(Session.prototype, 'run').mockImplementation(async function (
		this: Session,
		inputs,
		options,
	) {
		begun += 1;
		if (begun === 2) await once(options!.signal!, 'abort');
		return run.call(this, inputs, options!) as Promise<Record<string, NdArray>>;
	});
	const failure = { code: 'media-unreadable', field: path };
	await expect(make(request, studio, 'unreadable')).rejects.toMatchObject(failure);
	stop();
	vi.restoreAllMocks();
	expect(begun).toBe(2);
	expect([...seen].filter((name) => !TEXT.test(name))).toEqual([]);
	expect(liveSessions()).toEqual([]);
});

it('a shot that is stopped leaves no session open, wherever it was', async () => {
	const request = requestFor('fill', cut, { prompt: 'a kite that is given up' });
	for (const pattern of [TEXT, /^video encoder/, TRANSFORMER, /^audio decoder/]) {
		const stop = new AbortController();
		const reached = onSessions((names) => {
			if (names.some((name) => pattern.test(name))) stop.abort(new Error('given up'));
		});
		await expect(make(request, studio, 'stopped', stop.signal)).rejects.toThrow('given up');
		reached();
		expect(liveSessions()).toEqual([]);
	}
});
