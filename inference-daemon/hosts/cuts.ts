import type { AgentResult } from '../../protocol/hosts.ts';
import type { Connected, Where } from './hosts.ts';

type Read = AgentResult<'agent.cut'>;
type Known = { readonly where: string; revision: number; readonly read: Promise<Read> };

/** Reads cuts from editors, once for each state of a sequence however many ask. */
export class Cuts {
	readonly #known = new WeakMap<Connected['link'], Known>();

	/** As it stood at the host's revision or later. Throws what the agent refuses with. */
	of(host: Connected, where: Where): Promise<Read> {
		const known = this.#known.get(host.link);
		const isFresh = known?.where === keyOf(where) && known.revision === host.state.revision;
		return isFresh ? known.read : this.now(host, where);
	}

	/** As it stands, whatever was read before. */
	now(host: Connected, where: Where): Promise<Read> {
		const { link, state } = host;
		const read = link.ask('agent.cut', where);
		const known = { where: keyOf(where), revision: state.revision, read };
		this.#known.set(link, known);
		read.then(
			({ revision }) => {
				known.revision = revision;
			},
			() => {
				if (this.#known.get(link) === known) this.#known.delete(link);
			},
		);
		return read;
	}
}

function keyOf({ project, sequence }: Where): string {
	return JSON.stringify([project, sequence]);
}
