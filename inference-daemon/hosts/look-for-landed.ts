import type { LandedItem, Landing } from '../../protocol/landings.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Cuts } from './cuts.ts';
import type { Connected } from './hosts.ts';
import { isOpen, sameItems, sameSequence, standingByLanding } from './standing.ts';

/** Clips that may stand in a cut, or may stand there again when the person undoes or puts them there. */
const SETTLED = ['landed', 'not-landed', 'gone', 'replaced', 'withdrawn'] as const;

/** Undone, removed, redone, never saved: what stands in the open sequence now is what is journaled. */
export async function lookForLanded(
	{ journal, cuts }: { readonly journal: Journal; readonly cuts: Cuts },
	host: Connected,
): Promise<void> {
	const { project, sequence } = host.state;
	if (!project || !sequence) return;
	const known = journal.landings
		.inState(...SETTLED)
		.filter(
			({ destination }) =>
				destination.program === host.agent.program &&
				destination.project.id === project.id &&
				destination.sequence.id === sequence.id,
		);
	if (known.length === 0) return;
	const { cut } = await cuts.of(host, { project: project.id, sequence: sequence.id });
	const ofEachJob = new Map(known.map((landing) => [landing.jobId, landing]));
	for (const landing of ofEachJob.values()) {
		for (const [id, items] of standingOf(journal, cut, landing)) note(journal, id, items);
	}
}

/** By the landing's id, what stands of the clip of a landing in the sequence of that. */
export function standingOf(
	journal: Journal,
	cut: Cut,
	{ jobId, destination }: Landing,
): ReadonlyMap<string, readonly LandedItem[]> {
	const job = journal.find(jobId);
	if (!job?.clip) return new Map();
	const here = job.landings.filter((other) => sameSequence(other.destination, destination));
	const standing = standingByLanding(cut, job.clip, here);
	return new Map([...standing].map(([{ id }, items]) => [id, items]));
}

function note(journal: Journal, landingId: string, items: readonly LandedItem[]): void {
	const landing = journal.landings.find(landingId);
	if (!landing || isOpen(landing)) return;
	const { id, jobId, destination } = landing;
	const now = { id, jobId, destination, at: new Date().toISOString() };
	if (items.length === 0) {
		if (landing.state === 'landed') journal.land({ ...now, state: 'gone' });
	} else if (landing.state !== 'landed' || !sameItems(items, landing.items)) {
		journal.land({ ...now, state: 'landed', items });
	}
}
