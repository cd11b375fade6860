import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERROR_CODES, problemSchema } from '../../protocol/errors.ts';
import { type Method, methods, RPC_ERRORS } from '../../protocol/rpc.ts';
import { tries } from '../tries.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	helloFor,
	type Peer,
	type RpcReply,
	requestFor,
	startDaemon,
	temporaryFolder,
} from './harness.ts';

const COUNT = tries(1000, 10_000);
const SEED = 20_260;

/** Connections that send at the same time. */
const LANES = 8;

let daemon: Daemon;
let folder: string;

beforeAll(async () => {
	folder = await temporaryFolder();
	daemon = await startDaemon({ env: { PICKUP_FAKE_IDLE: '1', PICKUP_EVENTS_KEPT: '100' } });
});
afterAll(endAllDaemons);

/** Small, fast and the same everywhere (mulberry32). */
function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	};
}

const random = randomFrom(SEED);
const below = (limit: number) => Math.floor(random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What programs get wrong, and what people try. */
const ODD: readonly Json[] = [
	...[null, true, false, 0, -1, 1, 1e308, -0.5, 2 ** 53, '', ' ', 'x', '\u0000', '\ud800'],
	...['../../etc/passwd', '-y', 'file:///dev/zero', 'http://127.0.0.1/', 'a'.repeat(5000), '\n'],
	...['00000000-0000-0000-0000-000000000000', "'; DROP TABLE jobs; --", '__proto__'],
	[],
	{},
	[[[[[]]]]],
	{ __proto__: null, constructor: 1 },
];

const AGENT = {
	id: '7d9c7c53-0a55-4ee5-9a0e-8f3d8a1f9c11',
	program: 'Fuzz',
	version: '1',
	can: {
		frame: true,
		addTracks: true,
		disable: true,
		swap: true,
		bin: true,
		undo: true,
		show: true,
	},
};
const STATE = {
	project: { id: 'p', name: 'P', path: null },
	sequence: { id: 's', name: 'S' },
	revision: 1,
	playhead: 5,
	selection: { start: 0, end: 5 },
	busy: null,
};

const SHOT = {
	id: '4be0643f-1d98-473b-97cd-ca98a65347dd',
	host: AGENT.id,
	project: 'p',
	sequence: 's',
	verb: 'fill',
	track: 'V1',
	range: { start: 3, end: 9 },
	prompt: 'grey',
	engine: 'fake',
	seed: 7,
	takes: 2,
	draft: true,
	settings: {},
};

function seeds(): Json[] {
	const request = requestFor({ folder }) as unknown as Json;
	const jobId = requestFor({ folder }).id;
	const params: Record<Exclude<Method, 'daemon.stop' | 'machine.check' | 'link.open'>, Json> = {
		hello: helloFor(daemon) as unknown as Json,
		'engine.list': {},
		'job.plan': { request },
		'job.submit': { request, priority: 1 },
		'job.list': { states: ['queued'], limit: 3 },
		'job.get': { jobId },
		'job.request': { jobId },
		'job.cancel': { jobId },
		'job.continue': { jobId },
		'job.retry': { jobId },
		'job.move': { jobId, before: null },
		'job.prioritise': { jobId, priority: 2 },
		'events.subscribe': { after: 0 },
		'models.inspect': { paths: ['/nowhere.safetensors'] },
		'host.register': { agent: AGENT, state: STATE },
		'host.changed': { state: STATE },
		'host.watch': {},
		'host.cut': { host: AGENT.id },
		'host.show': { host: AGENT.id, frame: 3 },
		'host.reveal': { host: randomUUID() },
		'host.fill': {},
		'shot.plan': { shot: SHOT },
		'shot.submit': { shot: SHOT },
		'shot.vary': { id: AGENT.id, like: jobId, seed: 3 },
		'clip.land': { jobId, host: AGENT.id, track: 'V1', frame: 3, where: 'gap', replaces: null },
		'clip.withdraw': { landing: AGENT.id },
		'clip.mark': { jobIds: [jobId], starred: true },
		'queue.pause': { paused: false },
		'panel.watch': {},
		'panel.remember': { key: 'tab', value: 'cut' },
		'media.look': { path: `${folder}/nothing.mov` },
		'media.ticket': { media: { kind: 'frame', host: AGENT.id, track: 'V1', frame: 3, width: 64 } },
		'media.levels': { of: { kind: 'take', jobId }, points: 9 },
		'take.scores': { jobId },
		'media.reveal': { jobId },
		'history.disk': {},
		'history.trash': { jobIds: [jobId] },
	};
	// Only of a hello that is nearly right is there anything to hang up on.
	const hellos = Array.from({ length: 4 }, () => ['hello', params.hello] as const);
	return [...Object.entries(params), ...hellos].map(([method, value]) => ({
		jsonrpc: '2.0',
		id: 1,
		method,
		params: value,
	}));
}

/** Changes one thing somewhere in a message. */
function mutate(message: Json): Json {
	const copy = structuredClone(message);
	const places: { holder: Json[] | { [key: string]: Json }; key: string }[] = [];
	(function walk(value: Json) {
		if (typeof value !== 'object' || value === null) return;
		const holder = value as { [key: string]: Json };
		for (const key of Object.keys(holder)) {
			places.push({ holder, key });
			walk(holder[key] as Json);
		}
	})(copy);
	const place = pick(places);
	const holder = place.holder as { [key: string]: Json };
	const { key } = place;
	const value = holder[key] as Json;
	switch (below(6)) {
		case 0:
			delete holder[key];
			break;
		case 1:
			holder[`${key}x`] = value;
			break;
		case 2:
			holder[key] = [value];
			break;
		case 3:
			holder[key] = typeof value === 'number' ? value * pick([-1, 0, 0.5, 1e9, 1e300]) : pick(ODD);
			break;
		default:
			holder[key] = pick(ODD);
	}
	return copy;
}

/** Damages the text of a message: cut, doubled, a byte changed, something foreign put in. */
function damage(text: string): string {
	const at = below(text.length);
	switch (below(4)) {
		case 0:
			return text.slice(0, at);
		case 1:
			return text.slice(0, at) + text.slice(Math.max(0, at - 20));
		case 2:
			return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
		default:
			return (
				text.slice(0, at) + pick(['"', '{', ']', ',', '\\u', '1e999', 'null']) + text.slice(at)
			);
	}
}

function makeMessage(number: number, messages: readonly Json[]): string {
	let message = structuredClone(pick(messages));
	(message as { [key: string]: Json }).id = number;
	for (let changes = 1 + below(3); changes > 0; changes--) message = mutate(message);
	const text = JSON.stringify(message);
	return random() < 0.25 ? damage(text) : text;
}

/** Whether the message is answered at all: JSON-RPC leaves notifications unanswered. */
function isNotification(text: string): boolean {
	try {
		const message: unknown = JSON.parse(text);
		if (typeof message !== 'object' || message === null || Array.isArray(message)) return false;
		const { jsonrpc, method, params = {} } = message as Record<string, unknown>;
		const valid = jsonrpc === '2.0' && typeof method === 'string' && typeof params === 'object';
		return valid && params !== null && !Object.hasOwn(message, 'id');
	} catch {
		return false;
	}
}

function checkReply(reply: RpcReply, text: string): void {
	expect(reply.jsonrpc, text).toBe('2.0');
	expect(Object.hasOwn(reply, 'id'), text).toBe(true);
	if (!reply.error) {
		const { method } = JSON.parse(text) as { method: Method };
		const parsed = methods[method].result.safeParse(reply.result);
		expect(parsed.error, text).toBeUndefined();
		return;
	}
	expect(Object.hasOwn(reply, 'result'), text).toBe(false);
	expect(Object.values(RPC_ERRORS), text).toContain(reply.error.code);
	const problem = problemSchema.parse(reply.error.data);
	expect(ERROR_CODES, text).toContain(problem.code);
	expect(problem.code, `${text}\n${problem.message}`).not.toBe('internal');
	expect(problem.message, text).not.toBe('');
	expect(problem.field, `${text}\n${problem.message}`).toMatch(/./);
}

/** Sends messages one after another; gives how many were refused and how many done. */
async function sendAll(texts: readonly string[]) {
	let peer = await connect(daemon);
	const count = { refused: 0, done: 0, hungUp: 0 };
	for (const text of texts) {
		const reply = await say(peer, text);
		if (reply && typeof reply === 'object') {
			checkReply(reply, text);
			if (reply.error) count.refused += 1;
			else count.done += 1;
		}
		// A bad hello is hung up on, answered or not; whatever else comes, the line stays open.
		if (!/"method":"hello"/.test(text)) {
			expect(reply, text).not.toBe('closed');
			continue;
		}
		const answersStill = await Promise.race([
			peer.call('engine.list', {}).then(
				() => true,
				() => false,
			),
			peer.closed.then(() => false),
		]);
		if (answersStill) continue;
		expect(await peer.closed, text).toBe(1008);
		count.hungUp += 1;
		peer = await connect(daemon);
	}
	await peer.close();
	return count;
}

/** The answer, null for what is not to be answered, or 'closed'. */
async function say(peer: Peer, text: string): Promise<RpcReply | null | 'closed'> {
	const before = peer.replies.length;
	peer.socket.send(text);
	if (isNotification(text)) return null;
	return new Promise((resolve) => {
		const look = () => {
			const reply = peer.replies[before];
			if (!reply) return;
			peer.socket.off('message', look);
			resolve(reply);
		};
		peer.socket.on('message', look);
		void peer.closed.then(() => resolve(peer.replies[before] ?? 'closed'));
	});
}

test(`Of ${COUNT} mutated messages (seed ${SEED}) each gets a result or an error that names the field`, {
	timeout: 3_600_000,
}, async () => {
	const messages = seeds();
	const texts = Array.from({ length: COUNT }, (_, number) => makeMessage(number, messages));
	const lanes = Array.from({ length: LANES }, (_, lane) =>
		sendAll(texts.filter((_text, number) => number % LANES === lane)),
	);
	const counts = await Promise.all(lanes);
	const sum = (what: 'refused' | 'done' | 'hungUp') =>
		counts.reduce((total, count) => total + count[what], 0);
	expect(sum('refused')).toBeGreaterThan(COUNT / 2);
	expect(sum('done')).toBeGreaterThan(COUNT / 50);
	expect(sum('hungUp')).toBeGreaterThan(COUNT / 2000);

	const peer = await connect(daemon);
	const request = requestFor({ folder });
	await peer.call('job.submit', { request, priority: 100 });
	const { problem } = await peer.waitForJob(request.id, 'failed');
	expect(problem?.message).toBe('It is idle');
	expect(daemon.child.exitCode).toBeNull();
	expect(await readdir(folder)).toEqual([]);
});
