import * as z from 'zod';
import { type AgentRole, answerOf } from './agent.ts';
import { AsyncQueue } from './async-queue.ts';
import { PickupError, problemSchema } from './errors.ts';
import { type JobEvent, jobEventSchema } from './jobs.ts';
import {
	type Method,
	methods,
	type Notice,
	notifications,
	type Params,
	PROTOCOL_VERSION,
	type Result,
	SUBPROTOCOL,
} from './rpc.ts';

/** A timer is all that is wanted of the surroundings; every one of them has it. */
declare function setTimeout(callback: (value: unknown) => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** A clock that nobody sets; every one of the surroundings has that too. */
declare const performance: { now(): number };

/** The part of the WebSocket interface in use: browsers, UXP, CEP and the `ws` package have it. */
export type SocketLike = {
	send(text: string): void;
	close(): void;
	onopen: ((event: never) => void) | null;
	onmessage: ((event: never) => void) | null;
	onclose: ((event: never) => void) | null;
	onerror: ((event: never) => void) | null;
};

export type ClientOptions = {
	/** Where the daemon listens now. Asked again before every attempt: a restart moves it. */
	readonly endpoint: () => Promise<{ readonly port: number; readonly token: string }>;
	readonly openSocket: (url: string, protocols: string[]) => SocketLike;
	readonly client: { readonly name: string; readonly version: string };
	/** Told when the connection is lost, `stopped` where the daemon said that it ends, and when it stands again. */
	readonly onStatus?: (status: 'connected' | 'lost' | 'stopped') => void;
	/** Told what this connection watches; after a loss it has to be watched anew. */
	readonly onNotice?: (notice: Notice) => void;
	/** How long to go on trying after a loss, in ms. Default: 15 s; an agent goes on for ever. */
	readonly patience?: number;
	/** Registers it at every connection, and connects anew whenever that is lost. */
	readonly agent?: AgentRole;
	/** Told when the daemon stays away or will not have this client: it is not tried any more. */
	readonly onGivenUp?: (error: unknown) => void;
};

export type Client = {
	readonly hello: Result<'hello'>;
	call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
	/**
	 * Every event after `after`, in order and once each, also over lost connections and restarts of
	 * the daemon. Ends when the client is closed; throws when the daemon stays away.
	 */
	events(after: number): AsyncGenerator<JobEvent, void, void>;
	close(): void;
};

const messageSchema = z.union([
	z.object({
		id: z.union([z.int(), z.string()]).optional(),
		method: z.string(),
		params: z.unknown(),
	}),
	z.object({ id: z.int(), result: z.unknown() }),
	z.object({
		id: z.int().nullable(),
		error: z.object({ code: z.int(), message: z.string(), data: z.unknown().optional() }),
	}),
]);

/** Connects, says hello, registers what is an agent, and stays connected. Throws `daemon-unreachable` or the daemon's refusal. */
export async function connect(options: ClientOptions): Promise<Client> {
	let closed = false;
	let link = await openLink(options);
	let relinking: Promise<void> | null = null;
	const wake = new Set<() => void>();
	stayConnected();

	function relink(): Promise<void> {
		relinking ??= (async () => {
			options.onStatus?.(link.lost ?? 'lost');
			link = await openWithPatience(options, () => closed);
			// It was closed while a new connection was made.
			if (closed) link.close();
			else options.onStatus?.('connected');
		})().finally(() => {
			relinking = null;
		});
		return relinking;
	}

	/** Others connect anew when they have something to say; an agent has to be there to be asked. */
	function stayConnected(): void {
		if (!options.agent) return;
		const again = () => {
			if (closed) return;
			relink().then(stayConnected, (error) => {
				if (!closed) options.onGivenUp?.(error);
			});
		};
		if (link.lost) again();
		else link.listen(() => {}, again);
	}

	return {
		get hello() {
			return link.hello;
		},
		async call(method, params) {
			if (link.lost && !closed) await relink();
			return link.call(method, params);
		},
		async *events(after) {
			let last = after;
			while (!closed) {
				if (link.lost) await relink();
				const current = link;
				const live = new AsyncQueue<JobEvent>();
				const end = () => live.end();
				const stop = current.listen((event) => void live.push(event), end);
				wake.add(end);
				try {
					const missed = await current.call('events.subscribe', { after: last });
					for await (const event of following(missed.events, live)) {
						if (closed) return;
						if (event.seq <= last) continue;
						last = event.seq;
						yield event;
					}
				} catch (error) {
					if (!current.lost || closed) throw error;
				} finally {
					stop();
					wake.delete(end);
				}
			}
		},
		close() {
			closed = true;
			link.close();
			for (const end of wake) end();
		},
	};
}

async function* following<T>(first: readonly T[], then: AsyncIterable<T>): AsyncGenerator<T> {
	yield* first;
	yield* then;
}

type Link = {
	readonly hello: Result<'hello'>;
	/** How it was lost; null while it stands. */
	readonly lost: 'lost' | 'stopped' | null;
	call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
	listen(onEvent: (event: JobEvent) => void, onLost: () => void): () => void;
	close(): void;
};

async function openWithPatience(options: ClientOptions, closed: () => boolean): Promise<Link> {
	const patience = options.patience ?? (options.agent ? Number.POSITIVE_INFINITY : 15_000);
	const deadline = performance.now() + patience;
	let delay = 100;
	for (;;) {
		try {
			return await openLink(options);
		} catch (error) {
			const waitable = error instanceof PickupError && error.code === 'daemon-unreachable';
			if (!waitable || closed() || performance.now() + delay > deadline) throw error;
		}
		await new Promise((resolve) => setTimeout(resolve, delay));
		delay = Math.min(delay * 2, 2000);
	}
}

async function openLink(options: ClientOptions): Promise<Link> {
	const { port, token } = await options.endpoint();
	const url = `ws://127.0.0.1:${port}`;
	const socket = options.openSocket(url, [SUBPROTOCOL, `token.${token}`]);
	const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
	const listeners = new Set<{ onEvent: (event: JobEvent) => void; onLost: () => void }>();
	let lost: Link['lost'] = null;
	let nextId = 1;

	function lose(why = `The connection to ${url} was lost`, how: 'lost' | 'stopped' = 'lost'): void {
		if (lost) return;
		lost = how;
		const error = new PickupError('daemon-unreachable', why);
		for (const { reject } of waiting.values()) reject(error);
		waiting.clear();
		for (const { onLost } of listeners) onLost();
	}

	const limit = setTimeout(() => {
		lose(`Nothing answered at ${url} within ${ANSWER_WITHIN / 1000} s`);
		socket.close();
	}, ANSWER_WITHIN);
	let isOpen = false;
	const ended = ({ code }: { readonly code?: number }) =>
		lose(
			isOpen ? undefined : `No daemon answers at ${url}`,
			code === GOING_AWAY ? 'stopped' : 'lost',
		);
	socket.onclose = ended;
	socket.onerror = ended;
	socket.onmessage = (event: { data: unknown }) => receive(String(event.data));

	function receive(text: string): void {
		const message = messageSchema.parse(JSON.parse(text));
		if ('method' in message) {
			if (message.id !== undefined) {
				void answerOf(options.agent, message.id, message.method, message.params).then((answer) => {
					if (!lost) socket.send(answer);
				});
			} else if (message.method === 'event') {
				const event = jobEventSchema.parse(message.params);
				for (const { onEvent } of listeners) onEvent(event);
			} else if (Object.hasOwn(notifications, message.method)) {
				const { params } = notifications[message.method as Notice['method']];
				const notice = { method: message.method, params: params.parse(message.params) };
				options.onNotice?.(notice as Notice);
			}
			return;
		}
		const caller = message.id === null ? undefined : waiting.get(message.id);
		if (message.id === null || !caller) return;
		waiting.delete(message.id);
		if ('error' in message) caller.reject(errorOf(message.error));
		else caller.resolve(message.result);
	}

	function call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
		if (lost) {
			return Promise.reject(new PickupError('daemon-unreachable', `Not connected to ${url}`));
		}
		const id = nextId++;
		return new Promise<Result<M>>((resolve, reject) => {
			waiting.set(id, {
				resolve: (value) => {
					const parsed = methods[method].result.safeParse(value);
					if (parsed.success) resolve(parsed.data as Result<M>);
					else reject(new PickupError('bad-message', `${method}: ${parsed.error.message}`));
				},
				reject,
			});
			socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		});
	}

	try {
		await new Promise<unknown>((resolve, reject) => {
			socket.onopen = resolve;
			waiting.set(OPENING, { resolve, reject });
		});
		waiting.delete(OPENING);
		isOpen = true;
		const hello = await call('hello', {
			protocol: PROTOCOL_VERSION,
			token,
			client: { ...options.client },
		});
		if (options.agent) await call('host.register', await options.agent.who());
		return {
			hello,
			get lost() {
				return lost;
			},
			call,
			listen(onEvent, onLost) {
				const listener = { onEvent, onLost };
				listeners.add(listener);
				return () => listeners.delete(listener);
			},
			close: () => socket.close(),
		};
	} catch (error) {
		socket.close();
		throw error;
	} finally {
		clearTimeout(limit);
	}
}

/** How long a server may take to open a connection and to answer the hello, in ms. */
const ANSWER_WITHIN = 60_000;

/** How a daemon that is stopped closes its connections. */
const GOING_AWAY = 1001;

/** Stands for the opening of the socket among the calls that wait. */
const OPENING = 0;

function errorOf(error: { message: string; data?: unknown }): PickupError {
	const problem = problemSchema.safeParse(error.data);
	if (problem.success) return PickupError.from(problem.data);
	return new PickupError('bad-message', error.message);
}
