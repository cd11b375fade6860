import { systemProblem } from '../../files/system-errors.ts';
import { PickupError, type Problem, schemaError } from '../../protocol/errors.ts';
import { type Method, methods, type ParsedParams, RPC_ERRORS } from '../../protocol/rpc.ts';

export type RpcId = string | number | null;

/** `id` is undefined for a notification, which is not answered. */
export type Call = {
	readonly kind: 'call';
	readonly id: RpcId | undefined;
	readonly method: string;
	readonly params: object;
};

/** What the other side answers to something that it was asked. */
export type Answer = {
	readonly kind: 'answer';
	readonly id: number;
	readonly result?: unknown;
	readonly error?: { readonly message: string; readonly data?: unknown };
};

/** A call that is answered with an error before anything is done. */
export class RpcError extends Error {
	readonly code: number;
	readonly id: RpcId | undefined;
	readonly problem: Problem;

	constructor(code: number, error: PickupError, id?: RpcId) {
		super(error.message);
		this.code = code;
		this.id = id;
		this.problem = error.toProblem();
	}
}

/** One JSON-RPC 2.0 message. Throws RpcError. Batches are not spoken here. */
export function readMessage(text: string): Call | Answer {
	const message = parse(text);
	if (Array.isArray(message)) {
		throw invalid('message', 'one call (batches are not supported)', 'an array');
	}
	if (!isObject(message)) throw invalid('message', 'an object', describe(message));
	const { id } = message;
	if (id !== undefined && !isId(id)) {
		throw invalid('id', 'a string, a number or null', describe(id));
	}
	if (message.jsonrpc !== '2.0') {
		throw invalid('jsonrpc', '"2.0"', describe(message.jsonrpc), id);
	}
	if (message.method === undefined && ('result' in message || 'error' in message)) {
		return readAnswer(message);
	}
	const { method, params = {} } = message;
	if (typeof method !== 'string') throw invalid('method', 'a string', describe(method), id);
	if (typeof params !== 'object' || params === null) {
		throw invalid('params', 'an object', describe(params), id);
	}
	return { kind: 'call', id, method, params };
}

/** Errors are not answered with errors: an answer that is none has no id, so that it is to nothing. */
function readAnswer({ id, result, error }: Readonly<Record<string, unknown>>): Answer {
	const to = typeof id === 'number' ? id : Number.NaN;
	if (error === undefined) return { kind: 'answer', id: to, result };
	const { message, data } = isObject(error) ? error : { message: undefined, data: undefined };
	return { kind: 'answer', id: to, error: { message: String(message ?? 'no reason'), data } };
}

/** Throws RpcError for a name that is none of ours. */
export function methodNamed(name: string): Method {
	if (Object.hasOwn(methods, name)) return name as Method;
	const got = JSON.stringify(name.slice(0, 64));
	const error = new PickupError('no-such-method', `method: expected a known one, got ${got}`, {
		field: 'method',
	});
	throw new RpcError(RPC_ERRORS.methodNotFound, error);
}

/** The params as the method's schema has them. Throws RpcError that names the field. */
export function readParams<M extends Method>(method: M, params: object): ParsedParams<M> {
	const parsed = methods[method].params.safeParse(params);
	if (parsed.success) return parsed.data as ParsedParams<M>;
	throw new RpcError(RPC_ERRORS.invalidParams, schemaError(parsed.error));
}

export function requestMessage(id: number, method: string, params: unknown): string {
	return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

export function resultMessage(id: RpcId, result: unknown): string {
	return JSON.stringify({ jsonrpc: '2.0', id, result });
}

export function errorMessage(id: RpcId, error: unknown): string {
	const problem = error instanceof RpcError ? error.problem : systemProblem(error);
	const internal = problem.code === 'internal' ? RPC_ERRORS.internal : RPC_ERRORS.pickup;
	const code = error instanceof RpcError ? error.code : internal;
	const { message } = problem;
	return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data: problem } });
}

export function notificationMessage(method: string, params: unknown): string {
	return JSON.stringify({ jsonrpc: '2.0', method, params });
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		const message = `message: expected JSON, ${(error as Error).message}`;
		throw new RpcError(
			RPC_ERRORS.parse,
			new PickupError('bad-message', message, { field: 'message' }),
		);
	}
}

function invalid(field: string, expected: string, got: string, id?: RpcId): RpcError {
	return new RpcError(
		RPC_ERRORS.invalidRequest,
		new PickupError('bad-message', `${field}: expected ${expected}, got ${got}`, { field }),
		id,
	);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is RpcId {
	return typeof value === 'string' || typeof value === 'number' || value === null;
}

function describe(value: unknown): string {
	if (value === null) return 'null';
	if (Array.isArray(value)) return 'an array';
	if (typeof value === 'object') return 'an object';
	return typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : String(value);
}
