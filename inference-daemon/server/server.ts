import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { PickupError } from '../../protocol/errors.ts';
import { MAX_ANSWER_BYTES, SUBPROTOCOL } from '../../protocol/rpc.ts';
import type { Log } from '../log.ts';
import { type ConnectionOptions, serve } from './connection.ts';
import { type FilesOptions, serveFile } from './files.ts';
import { type Gate, originAllowed, proofFor, refusal } from './gate.ts';

export type ServerOptions = ConnectionOptions &
	FilesOptions & {
		readonly log: Log;
		readonly token: string;
		readonly origins: readonly string[];
		/** 0: any free port. */
		readonly port: number;
	};

export type RunningServer = { readonly port: number; readonly close: () => Promise<void> };

/** WebSocket close code for a server that goes away. */
const GOING_AWAY = 1001;

/** Listens on 127.0.0.1 only. Who is refused learns nothing but that. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
	const { log, token, origins } = options;
	const gate = () => ({ port, token, origins });
	const http = createServer({ requestTimeout: 15_000, headersTimeout: 10_000 });
	const sockets = new WebSocketServer({
		noServer: true,
		maxPayload: MAX_ANSWER_BYTES,
		handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
	});
	http.on('request', (request, response) => {
		answer(request, response, gate(), options).catch((error: Error) => {
			log.error(`${request.method}: ${error.message}`);
			response.destroy();
		});
	});
	http.on('upgrade', (request, socket: Socket, head) => {
		socket.on('error', () => socket.destroy());
		const status = refusal(request, gate());
		if (status !== null) return refuse(socket, status);
		sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, options));
	});
	http.on('clientError', (_error, socket) => socket.destroy());
	await new Promise<void>((resolve, reject) => {
		http.once('error', (error) => reject(portTaken(error, options.port)));
		http.listen(options.port, '127.0.0.1', () => resolve());
	});
	const { port } = http.address() as AddressInfo;

	return {
		port,
		async close() {
			const closed = new Promise((resolve) => http.close(resolve));
			for (const client of sockets.clients) client.close(GOING_AWAY);
			const patience = setTimeout(() => {
				for (const client of sockets.clients) client.terminate();
				http.closeAllConnections();
			}, 500);
			http.closeIdleConnections();
			await closed;
			clearTimeout(patience);
		},
	};
}

async function answer(
	request: IncomingMessage,
	response: ServerResponse,
	gate: Gate,
	options: ServerOptions,
): Promise<void> {
	const { origin } = request.headers;
	response.sendDate = false;
	if (request.method === 'OPTIONS' && origin !== undefined && originAllowed(origin, gate)) {
		response.writeHead(204, {
			...crossOrigin(origin),
			'access-control-allow-methods': 'GET, HEAD',
			'access-control-allow-headers': 'authorization, range, if-range, if-none-match',
		});
		response.end();
		return;
	}
	const status = refusal(request, gate);
	const proof = status === 401 ? proofFor(request, gate) : null;
	if (proof !== null) {
		response.writeHead(200, { connection: 'close', 'content-length': proof.length }).end(proof);
		return;
	}
	if (status !== null) {
		response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
		return;
	}
	response.setHeader('x-content-type-options', 'nosniff');
	for (const [name, value] of Object.entries(crossOrigin(origin))) response.setHeader(name, value);
	await serveFile(request, response, options);
}

function portTaken(error: NodeJS.ErrnoException, port: number): Error {
	if (error.code !== 'EADDRINUSE') return error;
	const message = `Expected port ${port} of 127.0.0.1 to be free, another program listens on it`;
	return new PickupError('system-refused', message, {
		action: 'Name another with --port, or none: then any that is free is taken.',
		cause: error,
	});
}

function crossOrigin(origin: string | undefined): Record<string, string> {
	if (origin === undefined) return {};
	return {
		'access-control-allow-origin': origin,
		'access-control-expose-headers': 'content-range, etag',
		vary: 'origin',
	};
}

function refuse(socket: Socket, status: 401 | 403): void {
	const reason = status === 401 ? 'Unauthorized' : 'Forbidden';
	socket.write(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
	// One that keeps its end open would keep the daemon from ending.
	socket.destroySoon();
}
