import { afterAll, beforeAll } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';

/** While a group of tests runs: a GPU forgets its compiled kernels when its last session goes. */
export function keepCompiled(provider: Provider): void {
	let kept: Session;
	beforeAll(async () => {
		const graph = new Graph('kept open');
		graph.output('y', graph.input('x', [1]));
		kept = await Session.open(graph, { provider });
	});
	afterAll(() => kept.release());
}
