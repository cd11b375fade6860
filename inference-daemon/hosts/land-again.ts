import { randomUUID } from 'node:crypto';
import { planLanding, rangeFor, standingItems } from '../../host-bridge/landing.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Destination, LandAgain, Landing } from '../../protocol/landings.ts';
import { formatTimecode } from '../../protocol/time.ts';
import { land } from './land.ts';
import { clipOf, type LandingRoom, stamped } from './landing-room.ts';
import { rivalsIn, rivalsOf } from './rivals.ts';
import { isOpen, sameSequence, standsAt } from './standing.ts';

/**
 * Wants a finished clip at a place of the sequence that is open; one that stands there, or is on its
 * way, is not wanted twice. Throws `wrong-state`, `no-such-host`, `placement-conflict`.
 */
export async function landAgain(
	room: LandingRoom,
	{ jobId, host: id, track, frame, where, replaces, lands }: LandAgain,
): Promise<void> {
	const { journal, hosts, cuts } = room;
	const { job, request } = journal.record(jobId);
	const clip = clipOf(job);
	const { where: open, ...host } = hosts.openSequence(id);
	const { cut } = await cuts.now(host, open);
	// What was taken out by hand is not in the way; then the gap is what counts.
	const stands =
		replaces !== null && standingItems(cut, rivalsIn(journal, replaces, job.id)).length > 0;
	const parts = partsOf(request);
	// What takes the place of a picture alone is one too.
	const isPictureAlone =
		parts.picture && (lands === 'picture' || (stands && isWithoutSound(room, replaces)));
	const destination: Destination = {
		program: host.agent.program,
		project: { id: host.state.project!.id, name: host.state.project!.name },
		sequence: host.state.sequence!,
		name: nameIn(request),
		track,
		range: { start: frame, end: frame + clip.frames },
		leansOn: 'start',
		where,
		...(isPictureAlone ? { ...parts, sound: false } : parts),
		replaces: stands ? replaces : null,
	};
	if (standsAt(cut, clip, destination)) return;
	const begun = job.landings.find(
		(other) =>
			isOpen(other) &&
			sameSequence(other.destination, destination) &&
			rangeFor(other.destination, clip.frames).start === frame,
	);
	if (begun) return land(room, begun.id);
	// It is told at once where that cannot be.
	planLanding(cut, {
		clip,
		destination,
		rivals: rivalsOf(journal, job.id, destination),
		can: host.agent.can,
	});
	const landing: Landing = {
		...stamped({ id: randomUUID(), jobId: job.id, destination }),
		state: 'waiting',
		waitsFor: 'editor',
	};
	journal.land(landing);
	await land(room, landing.id);
}

function isWithoutSound({ journal }: LandingRoom, shot: string): boolean {
	const { destination } =
		journal.landings.ofShot(shot).findLast(({ state }) => state === 'landed') ?? {};
	return destination?.picture === true && !destination.sound;
}

/** Which of its media are of use in the cut. */
function partsOf(request: GenerationRequest): Pick<Destination, 'picture' | 'sound'> {
	const replace = request.kind === 'retake' ? request.replace : 'both';
	return {
		picture: request.kind !== 'soundtrack' && replace !== 'sound',
		sound: request.kind !== 'animate' && replace !== 'picture',
	};
}

/** As its press calls it: a file's name has the timecode without its colons. */
function nameIn({ output, context: { sequence, range } }: GenerationRequest): string {
	const { rate, startFrame, dropFrame } = sequence;
	const timecode = formatTimecode(range.start + startFrame, rate, dropFrame);
	return output.name
		.replace(/^pickup/, 'Pickup')
		.replace(timecode.replaceAll(/[:;]/g, ''), timecode);
}
