import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderWithMelt } from '../../demo/melt.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Shot } from '../../protocol/shots.ts';
import { closeBrowser } from '../browser.ts';
import { connect, crash, type Daemon, endAllDaemons, type Peer, until } from '../daemon/harness.ts';
import { timelineForMelt } from '../fakes/resolve/mlt.ts';
import { endAllResolves, type Resolve, startResolve } from '../hosts/resolve.ts';
import { film, item, START } from '../hosts/resolve-film.ts';
import { openPanelPage, startStage } from '../plugin/stage.ts';
import { shotIn } from '../shots.ts';
import { greyFrames, makeNumberedShot, NUMBERED_SIZE, readNumber } from './numbered.ts';

/** Sequence frames; the left shot shows 0–49 before it, the right one 100–149 after it. */
const GAP = { start: 50, end: 80 };

let folder: string;
let finisher: string;
let daemon: Daemon;
let peer: Peer;
let resolve: Resolve;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup resolve '));
	finisher = join(folder, 'finisher');
	await mkdir(finisher);
	await writeFile(join(finisher, 'go'), '');
	const shots = join(folder, 'shots.mov');
	await makeNumberedShot(shots, { num: 24, den: 1 }, 0, 192, { hertz: 440, level: 0.3 });
	await startDaemon();
	const sides = [item('left', 0, 50), item('right', 80, 50, { left: 100 })];
	const of = film(folder, sides, { faults: ['frames-as-floats', 'delete-flaky'] });
	const [timeline] = of.timelines;
	const tracks = [
		{ kind: 'video' as const, items: sides },
		{ kind: 'audio' as const, items: sides.map((side) => ({ ...side, id: `${side.id} sound` })) },
	];
	const size = [NUMBERED_SIZE.width, NUMBERED_SIZE.height] as const;
	const timelines = [{ ...timeline!, size, playhead: START + 60, tracks }];
	const home = join(folder, 'home');
	resolve = await startResolve({ ...of, timelines }, { state: daemon.state, home });
});
afterAll(async () => {
	await closeBrowser();
	await endAllResolves();
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

async function startDaemon(state?: string): Promise<void> {
	const env = { PICKUP_FINISHER: finisher };
	daemon = await startStage({ engine: 'finisher', env, ...(state ? { state } : {}) });
	peer = await connect(daemon);
}

function host(): Promise<EditorHost> {
	return until('Resolve to be connected', async () => {
		return (await peer.call('host.watch', {})).hosts.find(({ state }) => state.sequence);
	});
}

async function press(changes: Partial<Shot> = {}): Promise<readonly [Shot, readonly Job[]]> {
	const own = { prompt: '', engine: 'inbetween', ...changes };
	const shot = shotIn(await host(), GAP, own);
	return [shot, (await peer.call('shot.submit', { shot })).jobs];
}

async function settled(jobId: string, ...states: Landing['state'][]): Promise<Landing> {
	return until(`the clip to be ${states.join(' or ')}`, async () => {
		const { job } = await peer.call('job.get', { jobId });
		if (job.state === 'failed') throw new Error(JSON.stringify(job.problem));
		const landing = job.landings.at(-1);
		if (landing?.state === 'not-landed') throw new Error(JSON.stringify(landing.problem));
		return landing && states.includes(landing.state) ? landing : null;
	});
}

function isSettled({ state, landings }: Job): boolean {
	return state === 'done' && landings.every((each) => !/waiting|landing/.test(each.state));
}

/** The job whose clip stands in the cut. */
async function inTheCut(): Promise<Job | undefined> {
	const { jobs } = await peer.call('job.list', {});
	return jobs.find(({ landings }) => landings.at(-1)?.state === 'landed');
}

/** What melt shows of the timeline as it stands in Resolve. */
async function render(): Promise<readonly Uint8Array[]> {
	const file = join(folder, `${randomUUID()}.mlt`);
	await writeFile(file, timelineForMelt(await resolve.model()));
	const out = `${file}.mov`;
	await renderWithMelt(file, 129, out, ['vcodec=libx264', 'crf=5', 'acodec=pcm_s16le', 'f=mov']);
	return greyFrames(out);
}

/** Both shots are where they were, and something is in the gap up to a frame. */
async function expectFilled(until: number = GAP.end): Promise<void> {
	const frames = await render();
	expect([0, 49, 80, 129].map((at) => readNumber(frames[at]!))).toEqual([0, 49, 100, 149]);
	for (const at of [GAP.start, until - 1]) expect(brightness(frames[at]!)).toBeGreaterThan(20);
	if (until < GAP.end) expect(brightness(frames[until]!)).toBeLessThan(20);
}

function brightness(frame: Uint8Array): number {
	return frame.reduce((sum, value) => sum + value, 0) / frame.length;
}

/** `V1 50–80`, of what is not the person's. */
async function ours(): Promise<readonly string[]> {
	const { timelines } = await resolve.model();
	return timelines[0]!.tracks.flatMap(({ kind, items }) =>
		items
			.filter(({ name }) => name.startsWith('Pickup'))
			.map(({ start, duration, name }) => {
				const take = name.split(' ').slice(3).join(' ');
				return `${kind} ${start - START}–${start - START + duration} ${take}`;
			}),
	);
}

async function tookOut(): Promise<void> {
	await resolve.run(`
for track in studio.timelines[0]["tracks"]:
    track["items"] = [each for each in track["items"] if not each["name"].startswith("Pickup")]`);
}

test('the script opens the panel, in which one press fills the gap', async () => {
	const { agent } = await host();
	const [address] = await until('the panel', async () => {
		const addresses = await resolve.opened();
		return addresses.length > 0 && addresses;
	});
	expect(address).toBe(
		`http://127.0.0.1:${daemon.port}/panel/#token=${daemon.token}&host=${agent.id}`,
	);
	const page = await openPanelPage(daemon, { agent }, { width: 360, height: 640 });
	await page.getByRole('button', { name: /^(Fill the gap|Place a draft)/ }).click();
	await until('what was pressed to be made and in the cut', async () => {
		const { jobs } = await peer.call('job.list', {});
		for (const job of jobs) expect(job.state).not.toBe('failed');
		return jobs.length > 0 && jobs.every(isSettled) && (await inTheCut());
	});
	await page.getByText('in the cut').first().waitFor();
	await expectFilled();
	expect((await ours()).map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual([
		'video 50–80',
		'audio 50–80',
	]);
	await page.close();
});

test('what the person takes out is told as no longer there', async () => {
	const job = (await inTheCut())!;
	await tookOut();
	await settled(job.id, 'gone');
});

test('a draft stands there at once, and what is finished after a daemon that died takes its place', async () => {
	await rm(join(finisher, 'go'));
	const [, [draft, take]] = await press({ engine: 'finisher', draft: true });
	await settled(draft!.id, 'landed');
	await expectFilled();
	const [picture] = (await resolve.model()).timelines[0]!.tracks;
	expect(picture!.items.at(-1)).toMatchObject({ colour: 'Apricot' });
	await crash(daemon);
	await startDaemon(daemon.state);
	await writeFile(join(finisher, 'go'), '');
	const landing = await settled(take!.id, 'landed');
	expect(landing.state === 'landed' && landing.items.map(({ range }) => range)).toEqual([GAP, GAP]);
	const { job } = await peer.call('job.get', { jobId: draft!.id });
	expect(job.landings.at(-1)).toMatchObject({ state: 'replaced', by: take!.id });
	expect(await ours()).toEqual(['video 50–80 take 1', 'audio 50–80 take 1']);
	await expectFilled();
	await tookOut();
	await settled(take!.id, 'gone');
});

test('a second take replaces the first, as it was trimmed', async () => {
	const [shot, [first, second]] = await press({ takes: 2 });
	await settled(first!.id, 'landed');
	await until('the second take', async () => {
		return (await peer.call('job.get', { jobId: second!.id })).job.state === 'done';
	});
	await resolve.run(`
for track in studio.timelines[0]["tracks"]:
    for each in track["items"]:
        if each["name"].startswith("Pickup"): each["duration"] = 20`);
	await until('the trim to be known', async () => {
		const landing = (await peer.call('job.get', { jobId: first!.id })).job.landings.at(-1);
		return landing?.state === 'landed' && landing.items.every(({ range }) => range.end === 70);
	});
	const { agent } = await host();
	const place = { host: agent.id, track: 'V1', frame: GAP.start, where: 'gap' } as const;
	await peer.call('clip.land', { jobId: second!.id, ...place, replaces: shot.id });
	await settled(second!.id, 'landed');
	expect(await ours()).toEqual(['video 50–70 take 2', 'audio 50–70 take 2']);
	await expectFilled(70);
});

test('nothing was used that Blackmagic does not publish, and the script ends with Resolve', async () => {
	expect(await resolve.beyond()).toEqual([]);
	await resolve.run('studio.quits = True');
	await resolve.ended;
	expect(resolve.said()).toContain('Pickup: Resolve has quit.');
	await until('it to have gone', async () => {
		return (await peer.call('host.watch', {})).hosts.length === 0;
	});
});
