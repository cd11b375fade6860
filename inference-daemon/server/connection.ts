import type { WebSocket } from 'ws';
import { AsyncQueue } from '../../protocol/async-queue.ts';
import { PickupError } from '../../protocol/errors.ts';
import { MAX_MESSAGE_BYTES, type Method, type ParsedParams } from '../../protocol/rpc.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { Journal } from '../jobs/journal.ts';
import { Asked } from './asked.ts';
import type { Caller, Handlers } from './methods.ts';
import {
	type Call,
	errorMessage,
	methodNamed,
	notificationMessage,
	RpcError,
	type RpcId,
	readMessage,
	readParams,
	resultMessage,
} from './rpc-message.ts';

/** While a client leaves more than this unread, nothing more is made for it. Bytes. */
const MOST_UNREAD = 1_048_576;

/** Calls of one client that may wait for something at a time, a job's end or a look at a file. */
const MOST_CALLS = 256;

/** Messages that may wait for their turn here; more of them wait in the socket. */
const MOST_WAITING = 64;

/** After this long whoever else is connected has a turn, in ms. */
const LONGEST_TURN = 5;

/** Events that are read from the journal at a time. */
const EVENTS_AT_ONCE = 200;

/** How long a client has for its hello, in ms. */
const HELLO_WITHIN = 10_000;

/** WebSocket close codes: what was said was not acceptable; something of another kind came. */
const POLICY = 1008;
const UNSUPPORTED = 1003;
const TOO_BIG = 1009;

export type ConnectionOptions = {
	readonly handlers: Handlers;
	readonly journal: Journal;
	readonly hosts: Hosts;
};

/**
 * Speaks JSON-RPC with one client until either side closes. Its calls are begun one after the other,
 * each when what it was sent before is nearly all read; what has to wait for something is answered
 * when that has come, and holds up no other.
 */
export function serve(
	socket: WebSocket,
	{ handlers, journal, hosts }: ConnectionOptions,
	isFromFile: boolean,
): void {
	let greeted = false;
	const inbox = new AsyncQueue<string>();
	let waiting = 0;
	const underWay = new Set<Promise<void>>();
	/** Settles when all that was sent so far has left this process, or the socket has closed. */
	let flushed = Promise.resolve();
	/** The newest event that the client has; null when it did not ask for events. */
	let sentEvent: number | null = null;
	let isSendingEvents = false;
	let isWatchingHosts = false;
	let isWatchingPanel = false;
	const asked = new Asked(send);
	const onClose = (listener: () => void) => void socket.on('close', listener);
	const gone = new AbortController();
	const caller: Caller = {
		sendEventsAfter,
		sendHosts,
		gone: gone.signal,
		isFromFile,
		sendPanel,
		agent: {
			ask: (method, params) => asked.ask(method, params),
			brief: (brief) => send(notificationMessage('brief', brief)),
			onClose,
		},
	};

	const impatience = setTimeout(() => socket.close(POLICY), HELLO_WITHIN).unref();
	const unlisten = journal.onEvents(() => void sendEvents());
	socket.on('error', () => socket.terminate());
	onClose(() => {
		clearTimeout(impatience);
		unlisten();
		asked.end();
		inbox.end();
		gone.abort();
	});
	socket.on('message', (data, isBinary) => {
		// What was said in time may be answered later, by a machine that is busy.
		clearTimeout(impatience);
		if (isBinary) return socket.close(UNSUPPORTED);
		// Only what was asked for may be long.
		if (!asked.isWaiting && (data as Buffer).length > MAX_MESSAGE_BYTES) {
			return socket.close(TOO_BIG);
		}
		waiting += 1;
		if (waiting === MOST_WAITING) socket.pause();
		void inbox.push(String(data)).then(() => {
			if (waiting === MOST_WAITING && isOpen()) socket.resume();
			waiting -= 1;
		});
	});
	void takeCalls();

	async function takeCalls(): Promise<void> {
		let since = performance.now();
		for await (const text of inbox) {
			await room();
			while (underWay.size >= MOST_CALLS) await Promise.race(underWay);
			const answered = answer(text);
			underWay.add(answered);
			void answered.finally(() => underWay.delete(answered));
			// Until the hello is answered, one message waits for the other.
			if (!greeted) await answered;
			if (performance.now() - since < LONGEST_TURN) continue;
			await new Promise((resolve) => setImmediate(resolve));
			since = performance.now();
		}
	}

	function isOpen(): boolean {
		return socket.readyState === socket.OPEN;
	}

	/** Waits until the client has read nearly all. */
	async function room(): Promise<void> {
		while (isOpen() && socket.bufferedAmount > MOST_UNREAD) await flushed;
	}

	async function answer(text: string): Promise<void> {
		if (!isOpen()) return;
		let id: RpcId | undefined = null;
		try {
			const message = readMessage(text);
			if (message.kind === 'answer') {
				if (greeted) asked.take(message);
				else socket.close(POLICY);
				return;
			}
			id = message.id;
			const result = await perform(message);
			if (id !== undefined) send(resultMessage(id, result));
		} catch (error) {
			if (error instanceof RpcError && error.id !== undefined) id = error.id;
			if (id !== undefined) send(errorMessage(id, error));
			if (!greeted) socket.close(POLICY);
		}
	}

	async function perform({ method: name, params }: Call): Promise<unknown> {
		if (!greeted && name !== 'hello') {
			throw new PickupError('hello-first', `method: expected hello, got ${name.slice(0, 64)}`, {
				field: 'method',
			});
		}
		const method = methodNamed(name);
		const parsed = readParams(method, params);
		if (method === 'hello') greeted = false;
		const result = await call(method, parsed);
		if (method === 'hello') greeted = true;
		return result;
	}

	function call<M extends Method>(method: M, params: ParsedParams<M>) {
		return handlers[method](params, caller);
	}

	function sendEventsAfter(seq: number): void {
		// The answer goes out first, in a microtask; what happens until then is read from the journal.
		sentEvent = null;
		setImmediate(() => {
			sentEvent = seq;
			void sendEvents();
		});
	}

	/** Once only, however often it is asked for; the answer goes out first. */
	function sendHosts(): void {
		if (isWatchingHosts) return;
		isWatchingHosts = true;
		onClose(hosts.onChange(() => send(notificationMessage('hosts', { hosts: hosts.list() }))));
	}

	function sendPanel(): void {
		if (isWatchingPanel) return;
		isWatchingPanel = true;
		const { panel } = journal;
		onClose(panel.onChange(() => send(notificationMessage('panel', panel.state))));
	}

	/** The journal keeps what the client has not read; one that is too far behind for it is hung up on. */
	async function sendEvents(): Promise<void> {
		if (isSendingEvents) return;
		isSendingEvents = true;
		try {
			while (isOpen() && sentEvent !== null && sentEvent < journal.lastEvent) {
				for (const event of journal.eventsAfter(sentEvent, EVENTS_AT_ONCE)) {
					sentEvent = event.seq;
					send(notificationMessage('event', event));
				}
				await room();
			}
		} catch {
			socket.terminate();
		} finally {
			isSendingEvents = false;
		}
	}

	function send(text: string): void {
		if (!isOpen()) return;
		flushed = new Promise((resolve) => socket.send(text, () => resolve()));
	}
}
