import { randomUUID } from 'node:crypto';
import { planRemoval, standingItems } from '../../host-bridge/landing.ts';
import { PickupError } from '../../protocol/errors.ts';
import { pathsOf } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Connected, Where } from './hosts.ts';
import { land } from './land.ts';
import {
	askToEdit,
	clipOf,
	foundLanding,
	type LandingRoom,
	MOST_STALE,
	stamped,
} from './landing-room.ts';
import { standingOf } from './look-for-landed.ts';
import { sameItem } from './standing.ts';

/** Takes what a landing has put into the cut out again; what was begun is settled first. */
export async function takeOut(
	room: LandingRoom,
	id: string,
	host: Connected,
	where: Where,
): Promise<void> {
	const { journal } = room;
	await land(room, id);
	const landing = foundLanding(journal, id);
	if (landing.state === 'landed') await remove(room, landing, host, where);
	if (landing.state === 'waiting') journal.land({ ...stamped(landing), state: 'withdrawn' });
}

async function remove(
	{ journal, cuts }: LandingRoom,
	landing: Landing,
	host: Connected,
	where: Where,
): Promise<void> {
	const paths = pathsOf(clipOf(journal.job(landing.jobId)));
	for (let tries = 0; tries < MOST_STALE; tries++) {
		const { cut, revision } = await cuts.now(host, where);
		const items = standingOf(journal, cut, landing).get(landing.id) ?? [];
		if (items.length === 0) return journal.land({ ...stamped(landing), state: 'withdrawn' });
		const answer = await askToEdit(host, where, {
			operation: randomUUID(),
			revision,
			label: `Remove ${landing.destination.name}`,
			steps: planRemoval(
				standingItems(cut, paths).filter((each) => items.some((item) => sameItem(item, each))),
			),
		});
		if (answer instanceof PickupError) throw answer;
	}
	throw new PickupError('host-refused', `The clip still stands in ${host.agent.program}`, {
		action: 'Take it out by hand.',
	});
}
