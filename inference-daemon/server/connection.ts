import type { WebSocket } from 'ws';
import { PickupError } from '../../protocol/errors.ts';
import type { JobEvent } from '../../protocol/jobs.ts';
import type { Method, ParsedParams } from '../../protocol/rpc.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Handlers } from './methods.ts';
import {
	type Call,
	errorMessage,
	methodNamed,
	notificationMessage,
	RpcError,
	type RpcId,
	readCall,
	readParams,
	resultMessage,
} from './rpc-message.ts';

/** A client that leaves more than this unread is hung up on; it can come back and resume. Bytes. */
const MOST_UNREAD = 8_388_608;

/** Calls that one client may have under way before its messages wait in the socket. */
const MOST_CALLS = 2000;

/** How long a client has for its hello, in ms. */
const HELLO_WITHIN = 10_000;

/** WebSocket close codes: what was said was not acceptable; something of another kind came. */
const POLICY = 1008;
const UNSUPPORTED = 1003;

export type ConnectionOptions = { readonly handlers: Handlers; readonly journal: Journal };

/** Speaks JSON-RPC with one client until either side closes. */
export function serve(socket: WebSocket, { handlers, journal }: ConnectionOptions): void {
	let greeted = false;
	/** Until the hello is answered, one message waits for the other. */
	let earlier = Promise.resolve();
	let underWay = 0;
	/** The newest event that the client has; null when it did not ask for events. */
	let sentEvent: number | null = null;

	const impatience = setTimeout(() => socket.close(POLICY), HELLO_WITHIN).unref();
	const unlisten = journal.onEvents((events) => sendEvents(events));
	socket.on('error', () => socket.terminate());
	socket.on('close', () => {
		clearTimeout(impatience);
		unlisten();
	});
	socket.on('message', (data, isBinary) => {
		if (isBinary) return socket.close(UNSUPPORTED);
		underWay += 1;
		if (underWay === MOST_CALLS) socket.pause();
		const text = String(data);
		const answered = greeted ? answer(text) : earlier.then(() => answer(text));
		if (!greeted) earlier = answered;
		void answered.finally(() => {
			if (underWay === MOST_CALLS && socket.readyState === socket.OPEN) socket.resume();
			underWay -= 1;
		});
	});

	async function answer(text: string): Promise<void> {
		if (socket.readyState !== socket.OPEN) return;
		let id: RpcId | undefined = null;
		try {
			const call = readCall(text);
			id = call.id;
			const result = await perform(call);
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
		if (greeted) clearTimeout(impatience);
		return result;
	}

	function call<M extends Method>(method: M, params: ParsedParams<M>) {
		return handlers[method](params, { sendEventsAfter });
	}

	function sendEventsAfter(seq: number): void {
		// The answer goes out first, in a microtask; what happens until then is read from the journal.
		sentEvent = null;
		setImmediate(() => {
			if (socket.readyState !== socket.OPEN) return;
			sentEvent = seq;
			if (seq < journal.lastEvent) sendEvents(journal.eventsAfter(seq));
		});
	}

	function sendEvents(events: readonly JobEvent[]): void {
		if (sentEvent === null) return;
		for (const event of events) {
			if (event.seq <= sentEvent) continue;
			sentEvent = event.seq;
			send(notificationMessage('event', event));
		}
	}

	function send(text: string): void {
		if (socket.readyState !== socket.OPEN) return;
		if (socket.bufferedAmount > MOST_UNREAD) socket.terminate();
		else socket.send(text);
	}
}
