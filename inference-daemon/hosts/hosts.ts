import { PickupError } from '../../protocol/errors.ts';
import type {
	AgentMethod,
	AgentParams,
	AgentResult,
	Brief,
	EditorHost,
	HostAgent,
	HostState,
} from '../../protocol/hosts.ts';
import type { Destination, WaitsFor } from '../../protocol/landings.ts';

/** The connection to one agent. */
export type AgentLink = {
	readonly ask: <M extends AgentMethod>(
		method: M,
		params: AgentParams<M>,
	) => Promise<AgentResult<M>>;
	/** What it may show from now on. */
	readonly brief: (brief: Brief) => void;
	readonly onClose: (listener: () => void) => void;
};

export type Connected = EditorHost & { readonly link: AgentLink };

/** The editors that are connected now. An agent that connects anew takes its own place. */
export class Hosts {
	readonly #connected = new Map<string, Connected>();
	readonly #listeners = new Set<() => void>();

	/** Called after every change of `list`. */
	onChange(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	list(): readonly EditorHost[] {
		return [...this.#connected.values()].map(({ agent, state }) => ({ agent, state }));
	}

	register(agent: HostAgent, state: HostState, link: AgentLink): void {
		this.#connected.set(agent.id, { agent, state, link });
		link.onClose(() => {
			if (this.#connected.get(agent.id)?.link !== link) return;
			this.#connected.delete(agent.id);
			this.#tell();
		});
		this.#tell();
	}

	/** Throws `no-such-host` where the connection is no registered agent's. */
	changed(link: AgentLink, state: HostState): void {
		const host = this.of(link);
		this.#connected.set(host.agent.id, { ...host, state });
		this.#tell();
	}

	/** Throws `no-such-host` where the connection is no registered agent's. */
	of(link: AgentLink): Connected {
		const host = [...this.#connected.values()].find((each) => each.link === link);
		if (host) return host;
		throw notRegistered();
	}

	/** Throws `no-such-host` where that agent is not connected. */
	find(id: string): Connected {
		const host = this.#connected.get(id);
		if (host) return host;
		const there = this.list().map(({ agent }) => `${agent.program} (${agent.id})`);
		throw new PickupError(
			'no-such-host',
			`Expected an editor that is connected (${there.join(', ') || 'none is'}), got ${id}`,
			{ field: 'host' },
		);
	}

	/**
	 * The editor that has a project open, or null: of several the one with that sequence in front,
	 * and of several of those always the same one.
	 */
	withSequence(program: string, { project, sequence }: Where): Connected | null {
		const open = [...this.#connected.values()].filter(
			({ agent, state }) => agent.program === program && state.project?.id === project,
		);
		return open.find(({ state }) => state.sequence?.id === sequence) ?? open[0] ?? null;
	}

	/** The editor that can take a clip for a place now; else what that waits for. */
	readyFor({ program, project, sequence }: Destination): Ready {
		const where = { project: project.id, sequence: sequence.id };
		const host = this.withSequence(program, where);
		if (!host) return { host: null, waitsFor: 'editor' };
		if (host.state.sequence?.id !== sequence.id) return { host: null, waitsFor: 'sequence' };
		if (host.state.busy) return { host: null, waitsFor: host.state.busy };
		return { host, where };
	}

	/** The sequence that is open in the editor. Throws `no-such-host` where none is. */
	openSequence(id: string): Connected & { readonly where: Where } {
		const host = this.find(id);
		const { project, sequence } = host.state;
		if (project && sequence) {
			return { ...host, where: { project: project.id, sequence: sequence.id } };
		}
		const { program } = host.agent;
		throw new PickupError('no-such-host', `No sequence is open in ${program}`, { field: 'host' });
	}

	#tell(): void {
		for (const listener of this.#listeners) listener();
	}
}

export type Where = { readonly project: string; readonly sequence: string };

export type Ready =
	| { readonly host: Connected; readonly where: Where; readonly waitsFor?: never }
	| { readonly host: null; readonly where?: never; readonly waitsFor: WaitsFor };

function notRegistered(): PickupError {
	return new PickupError('no-such-host', 'Expected host.register first', { field: 'host' });
}
