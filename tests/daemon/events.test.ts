import { afterAll, describe, expect, test } from 'vitest';
import type { JobEvent } from '../../protocol/jobs.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

afterAll(endAllDaemons);

async function runJob(peer: Peer, folder: string, delay = 0): Promise<string> {
	const request = requestFor({ folder, frames: 3, settings: { delay } });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'done');
	return request.id;
}

/** Every event there is, as a client that starts from nothing gets it. */
async function allEvents(daemon: Daemon): Promise<JobEvent[]> {
	const peer = await connect(daemon);
	const { events, lastEvent } = await peer.call('events.subscribe', { after: 0 });
	await peer.close();
	expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
	expect(events.at(-1)?.seq ?? 0).toBe(lastEvent);
	return events;
}

describe('Events', () => {
	test('tell the life of a job in order, and no more often than anybody can see', async () => {
		const folder = await temporaryFolder();
		const daemon = await startDaemon();
		const peer = await connect(daemon);
		await peer.call('events.subscribe', { after: 0 });
		const request = requestFor({ folder, frames: 40, settings: { delay: 25 } });
		await peer.call('job.submit', { request });
		await until('the end', () => peer.events.at(-1)?.kind === 'done');
		const kinds = peer.events.map(({ kind }) => kind);
		expect(kinds.slice(0, 2)).toEqual(['accepted', 'started']);
		const progress = peer.events.filter((event) => event.kind === 'progress');
		expect(kinds.filter((kind) => kind !== 'preview')).toEqual([
			...['accepted', 'started', ...progress.map(() => 'progress'), 'done'],
		]);
		expect(progress.length).toBeGreaterThan(2);
		const parts = progress.map((event) => event.progress);
		expect(parts).toEqual([...parts].sort((a, b) => a - b));
		const times = progress.map(({ at }) => Date.parse(at));
		for (const [index, time] of times.entries()) {
			expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(190);
		}
		expect(peer.events).toEqual(await allEvents(daemon));
		await stop(daemon);
	});

	test('tell of progress that never goes back, whatever the engine says', async () => {
		const daemon = await startDaemon();
		const peer = await connect(daemon);
		await peer.call('events.subscribe', { after: 0 });
		const settings = { ending: 'wild' };
		const request = requestFor({ folder: await temporaryFolder(), settings });
		await peer.call('job.submit', { request });
		await until('the end', () => peer.events.at(-1)?.kind === 'done');
		const parts = peer.events.flatMap((event) =>
			event.kind === 'progress' ? [event.progress] : [],
		);
		expect(parts).toContain(0.5);
		expect(parts).toEqual([...new Set(parts)].sort((a, b) => a - b));
		expect(parts.at(-1)).toBe(1);
		await stop(daemon);
	});

	test('that a client missed come once each, over lost connections and restarts', async () => {
		const folder = await temporaryFolder();
		let daemon = await startDaemon();
		const { state } = daemon;
		const got: JobEvent[] = [];

		async function resume(): Promise<Peer> {
			const peer = await connect(daemon);
			// Jobs run while the subscription is made, so that events fall on both sides of it.
			const work = requestFor({ folder, frames: 2 });
			const sent = peer.call('job.submit', { request: work });
			const { events } = await peer.call('events.subscribe', { after: got.at(-1)?.seq ?? 0 });
			got.push(...events);
			await sent;
			await peer.waitForJob(work.id, 'done');
			return peer;
		}

		const first = await resume();
		const second = await connect(daemon);
		await runJob(second, folder);
		await first.close();
		got.push(...first.events);
		await runJob(second, folder);
		const third = await resume();
		await crash(daemon);
		got.push(...third.events);
		daemon = await startDaemon({ state });
		const other = await connect(daemon);
		await runJob(other, folder);
		const fourth = await resume();
		await until('the last event', () => fourth.events.at(-1)?.kind === 'done');
		got.push(...fourth.events);
		await stop(daemon);
		daemon = await startDaemon({ state });
		expect(got).toEqual(await allEvents(daemon));
		expect(got.filter(({ kind }) => kind === 'done')).toHaveLength(6);
		await stop(daemon);
	});

	test('reach several clients alike, and none that did not ask', async () => {
		const folder = await temporaryFolder();
		const daemon = await startDaemon();
		const [one, two, deaf] = [await connect(daemon), await connect(daemon), await connect(daemon)];
		await one.call('events.subscribe', { after: 0 });
		await two.call('events.subscribe', { after: 0 });
		await runJob(deaf, folder);
		await until('both to have it', () =>
			[one, two].every(({ events }) => events.at(-1)?.kind === 'done'),
		);
		expect(one.events).toEqual(two.events);
		expect(deaf.events).toEqual([]);
		await stop(daemon);
	});

	test('that are gone are answered with the number to go on from', async () => {
		const folder = await temporaryFolder();
		const daemon = await startDaemon({ env: { PICKUP_EVENTS_KEPT: '10' } });
		const peer = await connect(daemon);
		for (let i = 0; i < 6; i++) await runJob(peer, folder);
		const { lastEvent } = await peer.call('job.list', {});
		const refused = await peer.refusal('events.subscribe', { after: 0 });
		expect(refused).toMatchObject({ code: 'events-gone', field: 'after' });
		expect(refused.message).toContain(`go on from ${lastEvent}`);
		const { events } = await peer.call('events.subscribe', { after: lastEvent - 10 });
		expect(events).toHaveLength(10);
		expect(await peer.refusal('events.subscribe', { after: lastEvent + 1 })).toMatchObject({
			code: 'events-gone',
		});
		const again = await startAgain(daemon);
		const later = await connect(again);
		expect(await later.refusal('events.subscribe', { after: 0 })).toMatchObject({
			code: 'events-gone',
		});
		await runJob(later, folder);
		const kept = await later.call('events.subscribe', { after: lastEvent });
		expect(kept.events[0]?.seq).toBe(lastEvent + 1);
		await stop(again);
	});
});

async function startAgain(daemon: Daemon): Promise<Daemon> {
	await stop(daemon);
	return startDaemon({ state: daemon.state, env: { PICKUP_EVENTS_KEPT: '10' } });
}
