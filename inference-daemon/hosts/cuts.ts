import type { AgentResult } from '../../protocol/hosts.ts';
import type { Connected, Where } from './hosts.ts';

type Read = AgentResult<'agent.cut'>;

/** Reads cuts from editors, once for each state of a sequence however many ask. */
export class Cuts {
	readonly #read = new WeakMap<Connected['link'], { key: string; cut: Promise<Read> }>();

	/** As it stands or stood at the host's revision. Throws what the agent refuses with. */
	of(host: Connected, where: Where): Promise<Read> {
		const key = JSON.stringify([where, host.state.revision]);
		const known = this.#read.get(host.link);
		if (known?.key === key) return known.cut;
		const cut = this.now(host, where);
		this.#read.set(host.link, { key, cut });
		cut.catch(() => {
			if (this.#read.get(host.link)?.cut === cut) this.#read.delete(host.link);
		});
		return cut;
	}

	/** As it stands, whatever was read before. */
	now(host: Connected, where: Where): Promise<Read> {
		return host.link.ask('agent.cut', where);
	}
}
