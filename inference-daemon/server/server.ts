import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { PickupError } from '../../protocol/errors.ts';
import { MAX_ANSWER_BYTES, SUBPROTOCOL } from '../../protocol/rpc.ts';
import type { Log } from '../log.ts';
import { type ConnectionOptions, serve } from './connection.ts';
import { serveFile } from './files.ts';
import { type Gate, isFromFile, isStranger, proofFor, refusal } from './gate.ts';
import { servePage } from './page.ts';
import type { Tickets } from './tickets.ts';

export type ServerOptions = ConnectionOptions & {
	readonly log: Log;
	readonly token: string;
	readonly origins: readonly string[];
	/** 0: any free port. */
	readonly port: number;
	readonly tickets: Tickets;
	/** The folder with the panel's page. */
	readonly panel: string;
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
		const proof = isStranger(request, gate()) ? null : proofFor(request, gate());
		if (proof !== null) {
			sockets.handleUpgrade(request, socket, head, (webSocket) => sayOnce(webSocket, proof));
			return;
		}
		const status = refusal(request, gate());
		if (status !== null) return refuse(socket, status);
		sockets.handleUpgrade(request, socket, head, (webSocket) =>
			serve(webSocket, options, isFromFile(request)),
		);
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

/** For programs that may open a WebSocket and fetch nothing. */
function sayOnce(socket: WebSocket, text: string): void {
	socket.on('error', () => socket.terminate());
	socket.send(text, () => socket.close());
}

/**
 * `/panel/…` for everybody who may ask at all, `/media/…` for whoever has a ticket, and the proof for
 * whoever has the token.
 */
async function answer(
	request: IncomingMessage,
	response: ServerResponse,
	gate: Gate,
	{ tickets, panel }: ServerOptions,
): Promise<void> {
	const { url = '', method, headers } = request;
	response.sendDate = false;
	const refuse = () => {
		response.writeHead(403, { connection: 'close', 'content-length': 0 }).end();
	};
	if (isStranger(request, gate)) return refuse();
	const isPage = /^\/panel(\/|\?|$)/.test(url);
	const proof = proofFor(request, gate);
	const file = proof === null && !isPage ? tickets.use(url) : null;
	if (isFromFile(request) && proof === null && file === null) return refuse();
	response.setHeader('x-content-type-options', 'nosniff');
	response.setHeader('referrer-policy', 'no-referrer');
	if (method !== 'GET' && method !== 'HEAD') {
		response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end();
		return;
	}
	const sharing = isPage ? {} : crossOrigin(headers.origin);
	for (const [name, value] of Object.entries(sharing)) response.setHeader(name, value);
	if (proof !== null) {
		response.writeHead(200, { connection: 'close', 'content-length': proof.length }).end(proof);
		return;
	}
	// Who names an origin is let in by it or, from a file, by the ticket.
	const isShared = !isPage && (file?.acrossOrigins === true || headers.origin !== undefined);
	const policy = isShared ? 'cross-origin' : 'same-origin';
	response.setHeader('cross-origin-resource-policy', policy);
	if (isPage) return servePage(request, response, { folder: panel, port: gate.port });
	if (file === null) {
		response.writeHead(404, { 'content-length': 0 }).end();
		return;
	}
	response.setHeader('cache-control', 'private, no-store');
	await serveFile(request, response, file);
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
