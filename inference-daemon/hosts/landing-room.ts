import { PickupError } from '../../protocol/errors.ts';
import type { AgentResult, EditStep } from '../../protocol/hosts.ts';
import type { Clip, Job } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Log } from '../log.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Cuts } from './cuts.ts';
import type { Connected, Hosts, Where } from './hosts.ts';

/** What everything that puts clips into cuts, or takes them out, works with. */
export type LandingRoom = {
	readonly journal: Journal;
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	readonly log: Log;
	/** Where clips of projects are that were never saved. */
	readonly unsaved: string;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
};

/** A sequence that changes each time between reading and editing is left alone for a while. */
export const MOST_STALE = 5;

/** An error that the editor answers with is given back; one of no answer is thrown. */
export async function askToEdit(
	host: Connected,
	where: Where,
	edit: { operation: string; revision: number; label: string; steps: EditStep[] },
): Promise<AgentResult<'agent.edit'> | PickupError> {
	try {
		return await host.link.ask('agent.edit', { ...where, ...edit });
	} catch (error) {
		const isUnknown =
			!(error instanceof PickupError) ||
			['host-gone', 'host-silent', 'bad-message'].includes(error.code);
		if (isUnknown) throw error;
		return error;
	}
}

/** Throws `no-such-job`. */
export function foundLanding(journal: Journal, id: string): Landing {
	const landing = journal.landings.find(id);
	if (landing) return landing;
	throw new PickupError('no-such-job', `Expected the id of a landing, got ${id}`, {
		field: 'landing',
	});
}

/** What a landing keeps when its state changes, and when that was. */
export function stamped({ id, jobId, destination }: Pick<Landing, 'id' | 'jobId' | 'destination'>) {
	return { id, jobId, destination, at: new Date().toISOString() };
}

/** Throws `wrong-state`. */
export function clipOf(job: Job): Clip {
	if (job.clip !== null && job.state === 'done') return job.clip;
	throw new PickupError('wrong-state', `Job ${job.id} has no finished clip: it is ${job.state}`, {
		field: 'jobId',
	});
}
