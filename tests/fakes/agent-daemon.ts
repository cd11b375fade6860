import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { proofFor } from '../../inference-daemon/server/gate.ts';
import { PickupError, problemSchema } from '../../protocol/errors.ts';
import {
	type AgentMethod,
	type AgentParams,
	type AgentResult,
	agentMethods,
	type EditorHost,
} from '../../protocol/hosts.ts';
import { methods, PROTOCOL_VERSION, type Result } from '../../protocol/rpc.ts';
import { until } from '../daemon/harness.ts';

/** As much of a daemon as an agent meets, for asking it anything. */
export type AgentDaemon = {
	readonly state: string;
	/** What the agent that is connected has registered as, with the state that it told last. */
	readonly host: () => EditorHost | null;
	/** How often an agent has registered. */
	readonly registered: () => number;
	/** Other calls of the agent, in order. */
	readonly calls: () => readonly { readonly method: string; readonly params: unknown }[];
	readonly ask: <M extends AgentMethod>(
		method: M,
		params: AgentParams<M>,
	) => Promise<AgentResult<M>>;
	/** The sequence that is open now, as every question names it. */
	readonly where: () => Promise<{ readonly project: string; readonly sequence: string }>;
	readonly tell: (method: string, params: unknown) => void;
	/** Ends the connection, as a daemon that crashes. */
	readonly drop: () => void;
	readonly close: () => Promise<void>;
};

export async function openAgentDaemon(): Promise<AgentDaemon> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-agent-daemon-'));
	const state = join(folder, 'state');
	await mkdir(state);
	const token = randomBytes(32).toString('hex');
	const gate = { port: 0, token, origins: [] };
	const http = createServer((request, response) => {
		const proof = proofFor(request, gate);
		response.writeHead(proof === null ? 404 : 200).end(proof ?? '');
	});
	const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'pickup.v1' });
	await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
	gate.port = (http.address() as AddressInfo).port;
	const portFile = { port: gate.port, token, pid: process.pid, protocol: PROTOCOL_VERSION };
	await writeFile(join(state, 'daemon.json'), JSON.stringify({ ...portFile, version: 'test' }));

	let socket: WebSocket | null = null;
	let host: EditorHost | null = null;
	let registered = 0;
	const calls: { method: string; params: unknown }[] = [];
	let nextId = 1;
	const waiting = new Map<number, (message: Answer) => void>();
	sockets.on('connection', (opened, request) => {
		const proof = proofFor(request, gate);
		if (proof !== null) return opened.send(proof, () => opened.close());
		socket = opened;
		opened.on('message', (data) => {
			const message = JSON.parse(String(data));
			if (message.method === undefined) return waiting.get(message.id)?.(message);
			const result = answer(message.method, message.params);
			opened.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
		});
		opened.on('close', () => {
			if (socket === opened) host = null;
		});
	});

	function answer(method: string, params: unknown): unknown {
		switch (method) {
			case 'hello':
				methods.hello.params.parse(params);
				return HELLO;
			case 'host.register':
				host = methods['host.register'].params.parse(params);
				registered++;
				return {};
			case 'host.changed':
				if (host) host = { ...host, ...methods['host.changed'].params.parse(params) };
				return {};
			default:
				calls.push({ method, params });
				return {};
		}
	}

	async function ask<M extends AgentMethod>(
		method: M,
		params: AgentParams<M>,
	): Promise<AgentResult<M>> {
		const id = nextId++;
		const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
		const open = await until('the agent', () => host && socket);
		open.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		const { result, error } = await answered;
		if (error?.data) throw PickupError.from(problemSchema.parse(error.data));
		if (error) throw new Error(error.message);
		return agentMethods[method].result.parse(result) as AgentResult<M>;
	}

	return {
		state,
		host: () => host,
		registered: () => registered,
		calls: () => calls,
		ask,
		async where() {
			const { project, sequence } = (await ask('agent.who', {})).state;
			if (!project || !sequence) throw new Error('Nothing is open');
			return { project: project.id, sequence: sequence.id };
		},
		tell: (method, params) => socket?.send(JSON.stringify({ jsonrpc: '2.0', method, params })),
		drop: () => socket?.terminate(),
		async close() {
			for (const each of sockets.clients) each.terminate();
			await new Promise((resolve) => http.close(resolve));
			await rm(folder, { recursive: true });
		},
	};
}

/** Of a daemon without engines. */
const HELLO: Result<'hello'> = {
	protocol: PROTOCOL_VERSION,
	version: 'test',
	instance: randomUUID(),
	lastEvent: 0,
	codecs: [],
	engines: [],
	notices: [],
};

type Answer = {
	readonly result?: unknown;
	readonly error?: { readonly message: string; readonly data?: unknown };
};
