import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemProblem, writeError } from '../../files/system-errors.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Log } from '../log.ts';
import type { JobRecord } from './job-table.ts';
import type { Journal } from './journal.ts';
import { adoptClip, type CountClip, nameClip, removeLeftovers } from './leftovers.ts';
import { endOrphans } from './processes.ts';
import type { Unfinished } from './unfinished.ts';

/** A job that ran each time when the daemon died is not given another chance unasked. */
const MOST_CRASHES = 3;

type Recovery = {
	readonly work: string;
	readonly log: Log;
	readonly countClip: CountClip;
	readonly unfinished: Unfinished;
};

/**
 * Puts things right after a daemon that ended without saying so; to be done before anybody may
 * connect. Its engine is ended first, so that nothing writes any more. Then each job that ran has
 * its finished clip, or nothing of it is left and it is queued again.
 */
export async function recover(
	journal: Journal,
	{ work, log, countClip, unfinished }: Recovery,
): Promise<void> {
	const engine = journal.rememberedEngine();
	if (engine) {
		await endOrphans(engine);
		journal.rememberEngine(null);
	}
	for (const record of journal.running()) {
		await recoverJob(journal, record, countClip);
		log.info(
			`${record.job.id} was running when the daemon ended: ${journal.job(record.job.id).state}`,
		);
	}
	await rm(work, { recursive: true, force: true });
	await mkdir(work, { mode: 0o700 });
	await unfinished.tidy((id) => journal.mayRun(id));
}

async function recoverJob(
	journal: Journal,
	record: JobRecord,
	countClip: CountClip,
): Promise<void> {
	const { id } = record.job;
	const finished = record.cancelWanted ? null : await adoptClip(record, countClip);
	if (finished) {
		journal.finishing(id, finished.mark);
		const refused = await nameClip(record, finished.mark).then(
			() => null,
			(error) => systemProblem(writeError(error, dirname(record.clipPath), 'the clip')),
		);
		if (refused === null) return journal.done(id, finished.clip, finished.mark);
		await removeLeftovers(record);
		return journal.failed(id, refused);
	}
	await removeLeftovers(record);
	if (record.cancelWanted) {
		journal.cancelled(id);
	} else if (record.job.pause === null && record.crashes + 1 >= MOST_CRASHES) {
		const message = `The daemon ended ${MOST_CRASHES} times while this job ran`;
		journal.failed(id, new PickupError('engine-died', message).toProblem());
	} else {
		// One that stood still has not ended the daemon.
		const crashed = record.job.pause === null;
		journal.requeue(id, 'the daemon ended while it ran', { crashed });
	}
}
