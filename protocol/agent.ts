import type * as z from 'zod';
import { PickupError, problemOf, schemaError } from './errors.ts';
import {
	type AgentAnswer,
	type AgentMethod,
	agentMethods,
	type HostAgent,
	type HostState,
} from './hosts.ts';
import { RPC_ERRORS } from './rpc.ts';

/** What a client has that is an agent: it registers and is asked. */
export type AgentRole = {
	/** Who it is and how things stand now; also said at every new connection. */
	readonly who: () => Registration | Promise<Registration>;
	/** They throw PickupError for what cannot be done; anything else is taken for a defect. */
	readonly answers: AgentAnswers;
};

export type Registration = { readonly agent: HostAgent; readonly state: HostState };

export type AgentAnswers = {
	readonly [M in Exclude<AgentMethod, 'agent.who'>]: (
		params: ParsedAgentParams<M>,
	) => Promise<AgentAnswer<M>> | AgentAnswer<M>;
};

export type ParsedAgentParams<M extends AgentMethod> = z.output<(typeof agentMethods)[M]['params']>;

/** The message that answers a request of the daemon: a result or an error. Never throws. */
export async function answerOf(
	role: AgentRole | undefined,
	id: number | string,
	method: string,
	params: unknown = {},
): Promise<string> {
	try {
		const result = await resultOf(role, method, params);
		return JSON.stringify({ jsonrpc: '2.0', id, result });
	} catch (error) {
		const problem = problemOf(error);
		const code = problem.code === 'no-such-method' ? RPC_ERRORS.methodNotFound : RPC_ERRORS.pickup;
		const said = { code, message: problem.message, data: problem };
		return JSON.stringify({ jsonrpc: '2.0', id, error: said });
	}
}

async function resultOf(
	role: AgentRole | undefined,
	method: string,
	params: unknown,
): Promise<unknown> {
	if (!role || !Object.hasOwn(agentMethods, method)) {
		const got = JSON.stringify(method.slice(0, 64));
		throw new PickupError(
			'no-such-method',
			`Expected something that is asked of agents, got ${got}`,
		);
	}
	const name = method as AgentMethod;
	const parsed = agentMethods[name].params.safeParse(params);
	if (!parsed.success) throw schemaError(parsed.error, 'bad-message');
	if (name === 'agent.who') return role.who();
	return role.answers[name](parsed.data as never);
}
