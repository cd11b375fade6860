import { randomUUID } from 'node:crypto';
import {
	disturbed,
	type LandingPlan,
	planLanding,
	standsAsPlanned,
} from '../../host-bridge/landing.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { HostAgent } from '../../protocol/hosts.ts';
import { type Clip, pathsOf } from '../../protocol/jobs.ts';
import type { Destination, LandedItem, Landing } from '../../protocol/landings.ts';
import type { Connected, Where } from './hosts.ts';
import {
	askToEdit,
	clipOf,
	foundLanding,
	type LandingRoom,
	MOST_STALE,
	stamped,
} from './landing-room.ts';
import { putBeside } from './move-beside.ts';
import { pictureAlone } from './picture-alone.ts';
import { givingWay } from './rivals.ts';
import { isOpen, sameSequence, standingBesides } from './standing.ts';

/**
 * One attempt to land a clip where its editor is open and not busy; to be called in that editor's
 * turn. Throws where the editor gave no answer: then nobody knows, and it is asked again.
 */
export async function land(room: LandingRoom, id: string): Promise<void> {
	const { journal, hosts, cuts } = room;
	const landing = foundLanding(journal, id);
	if (!isOpen(landing)) return;
	const { destination } = landing;
	const { host, where } = hosts.readyFor(destination);
	if (!host) return;
	const job = journal.job(landing.jobId);
	await settleRivals(room, landing);
	let clip = clipOf(job);
	for (let tries = 0; tries < MOST_STALE; tries++) {
		const read = await cuts.now(host, where);
		// Somebody may have withdrawn it meanwhile.
		if (!isOpen(foundLanding(journal, id))) return;
		if (landing.state === 'landing') {
			// What an editor that ended in the middle had done.
			const items = standingBesides(read.cut, clip, landing, job.landings);
			if (items.length > 0) return landed(room, landing, items, []);
		}
		const rivals = givingWay(journal, read.cut, job, destination);
		let plan: LandingPlan;
		try {
			clip = await putBeside(room, host, journal.job(job.id));
			if (destination.bin) throw wantedInBin();
			const { can } = host.agent;
			plan = planLanding(read.cut, {
				clip: await partsFor(room, clip, destination, can),
				destination,
				rivals,
				can,
			});
		} catch (error) {
			if (!(error instanceof PickupError)) throw error;
			return toBin(room, landing, error, host, where);
		}
		if (!isOpen(foundLanding(journal, id))) return;
		journal.land({ ...stamped(landing), state: 'landing' });
		const answer = await askToEdit(host, where, {
			operation: landing.id,
			revision: read.revision,
			label: destination.name,
			steps: [...plan.steps],
		});
		if (answer instanceof PickupError) {
			return refused(room, landing, answer, plan, host, where);
		}
		if (answer.stale) continue;
		const after = await cuts.now(host, where);
		if (standsAsPlanned(after.cut, pathsOf(clip), plan)) {
			const isAlone = answer.revision === after.revision && !answer.again;
			const lost = isAlone ? disturbed(read.cut, after.cut, [...pathsOf(clip), ...rivals]) : [];
			const notes = lost.map((what) => `${what} is no longer where it was: look at the cut.`);
			const items = standingBesides(after.cut, clip, landing, job.landings);
			return landed(room, landing, items, [...plan.notes, ...notes]);
		}
		if (answer.again) {
			journal.land({ ...stamped(landing), state: 'gone' });
			return;
		}
		const told = new PickupError(
			'host-refused',
			`${host.agent.program} said that it had placed the clip, but it does not stand there`,
			{ field: 'host' },
		);
		return toBin(room, landing, told, host, where);
	}
	throw new PickupError('host-refused', 'The sequence changed each time before it could be edited');
}

/**
 * An editor that adds no tracks may bring a file's sound along with its picture, onto a track where
 * that is in the way: where the picture alone is wanted it gets a file that has no more.
 */
function partsFor(
	room: LandingRoom,
	clip: Clip,
	{ picture, sound }: Destination,
	{ addTracks }: HostAgent['can'],
): Promise<Clip> | Clip {
	const isAlone = picture && !sound && clip.samples > 0 && !addTracks;
	return isAlone ? pictureAlone(room, clip) : clip;
}

/** Why it is not in the sequence: nobody is to be asked where it should go. */
function wantedInBin(): PickupError {
	return new PickupError('no-free-track', 'No track was free there, and it was wanted in the bin', {
		action: 'Place it once a track is free there.',
	});
}

/** What it is to replace may have been asked for without an answer: then nobody knows yet what stands. */
async function settleRivals(room: LandingRoom, { id, jobId, destination }: Landing): Promise<void> {
	const { journal } = room;
	if (destination.replaces === null) return;
	const rivals = journal.ofShot(destination.replaces).map((job) => job.id);
	const begun = journal.landings.inState('landing');
	const own = begun.findIndex((other) => other.id === id);
	for (const other of begun.slice(0, own === -1 ? begun.length : own)) {
		const isRival = other.jobId !== jobId && rivals.includes(other.jobId);
		if (isRival && sameSequence(other.destination, destination)) await land(room, other.id);
	}
}

/** It may have become busy, or have done it all the same; else the clip is kept for the person. */
async function refused(
	room: LandingRoom,
	landing: Landing,
	why: PickupError,
	plan: LandingPlan,
	host: Connected,
	where: Where,
): Promise<void> {
	const { journal, hosts, cuts } = room;
	const { state } = await host.link.ask('agent.who', {});
	hosts.changed(host.link, state);
	const { waitsFor } = hosts.readyFor(landing.destination);
	if (waitsFor) return journal.land({ ...stamped(landing), state: 'waiting', waitsFor });
	const after = await cuts.now(host, where);
	const job = journal.job(landing.jobId);
	const clip = clipOf(job);
	if (!standsAsPlanned(after.cut, pathsOf(clip), plan)) {
		return toBin(room, landing, why, host, where);
	}
	const items = standingBesides(after.cut, clip, landing, job.landings);
	return landed(room, landing, items, plan.notes);
}

function landed(
	{ journal, log }: LandingRoom,
	landing: Landing,
	items: readonly LandedItem[],
	notes: readonly string[],
): void {
	const { replaces } = landing.destination;
	const rivals = replaces === null ? [] : journal.ofShot(replaces);
	const replaced = rivals
		.filter(({ id }) => id !== landing.jobId)
		.flatMap(({ landings }) => landings)
		.filter(({ state }) => state === 'landed' || state === 'landing')
		.map((other) => ({ ...stamped(other), state: 'replaced', by: landing.jobId }) as const);
	// What gives way is told first, so that nobody sees two takes in one place.
	journal.land(...replaced, {
		...stamped(landing),
		state: 'landed',
		items,
		...(notes.length > 0 ? { notes } : {}),
	});
	log.info(`${landing.jobId} landed in ${landing.destination.sequence.name}`);
}

/** Keeps the clip where the person finds it, and says why it is not in the cut. */
async function toBin(
	{ journal, cuts, log }: LandingRoom,
	landing: Landing,
	why: PickupError,
	host: Connected,
	where: Where,
): Promise<void> {
	const clip = clipOf(journal.job(landing.jobId));
	let kept: 'bin' | 'folder' = 'folder';
	if (host.agent.can.bin && why.code !== 'media-offline') {
		const { revision } = await cuts.now(host, where);
		const answer = await askToEdit(host, where, {
			operation: randomUUID(),
			revision,
			label: landing.destination.name,
			steps: [{ kind: 'bin', path: clip.path, name: landing.destination.name }],
		});
		if (!(answer instanceof PickupError) && !answer.stale) kept = 'bin';
	}
	journal.land({ ...stamped(landing), state: 'not-landed', problem: why.toProblem(), kept });
	log.info(`${landing.jobId} is not landed: ${why.message}`);
}
