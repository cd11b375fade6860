import { PickupError, problemSchema } from '../../protocol/errors.ts';
import {
	type AgentMethod,
	type AgentParams,
	type AgentResult,
	agentMethods,
} from '../../protocol/hosts.ts';
import { type Answer, requestMessage } from './rpc-message.ts';

/** How long an editor may take for what it is asked, in ms: a cut of thousands of clips, a render. */
const ANSWER_WITHIN: Readonly<Record<AgentMethod, number>> = {
	'agent.who': 10_000,
	'agent.cut': 60_000,
	'agent.frame': 120_000,
	'agent.edit': 120_000,
	'agent.show': 10_000,
};

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (e: Error) => void };

/** What one agent has been asked and has not answered yet. */
export class Asked {
	readonly #send: (text: string) => void;
	readonly #waiting = new Map<number, Waiting>();
	#next = 1;
	#ended = false;

	constructor(send: (text: string) => void) {
		this.#send = send;
	}

	get isWaiting(): boolean {
		return this.#waiting.size > 0;
	}

	/**
	 * Throws `host-gone` when the connection ends before the answer, `host-silent` when none comes in
	 * time, and what the agent answers with: its own problem, or `host-refused`.
	 */
	async ask<M extends AgentMethod>(method: M, params: AgentParams<M>): Promise<AgentResult<M>> {
		if (this.#ended) throw hostGone();
		const id = this.#next++;
		let limit: ReturnType<typeof setTimeout> | undefined;
		try {
			const result = await new Promise<unknown>((resolve, reject) => {
				this.#waiting.set(id, { resolve, reject });
				limit = setTimeout(() => reject(hostSilent(method)), ANSWER_WITHIN[method]);
				this.#send(requestMessage(id, method, params));
			});
			const parsed = agentMethods[method].result.safeParse(result);
			if (parsed.success) return parsed.data as AgentResult<M>;
			const where = parsed.error.issues[0]?.path.join('.') || 'result';
			throw new PickupError(
				'bad-message',
				`${method}: ${where}: ${parsed.error.issues[0]?.message ?? 'does not fit'}`,
				{ field: where },
			);
		} finally {
			clearTimeout(limit);
			this.#waiting.delete(id);
		}
	}

	/** An answer to nothing that waits, as one that comes too late, is passed over. */
	take({ id, result, error }: Answer): void {
		const waiting = this.#waiting.get(id);
		if (!waiting) return;
		if (error === undefined) waiting.resolve(result);
		else waiting.reject(refusalOf(error));
	}

	end(): void {
		this.#ended = true;
		for (const { reject } of this.#waiting.values()) reject(hostGone());
		this.#waiting.clear();
	}
}

function refusalOf({ message, data }: NonNullable<Answer['error']>): PickupError {
	const problem = problemSchema.safeParse(data);
	if (problem.success) return PickupError.from(problem.data);
	return new PickupError('host-refused', `The editor said: ${message}`, { field: 'host' });
}

function hostGone(): PickupError {
	return new PickupError('host-gone', 'The editor’s connection ended before it answered', {
		field: 'host',
	});
}

function hostSilent(method: AgentMethod): PickupError {
	const seconds = ANSWER_WITHIN[method] / 1000;
	return new PickupError(
		'host-silent',
		`The editor has not answered ${method} within ${seconds} s`,
	);
}
