import { isPlaced, isReady, type ShotView, type TakeView } from './shots.ts';
import type { Compared } from './state.ts';

/**
 * The two takes that are compared: as the person chose as long as both are there, else the first
 * that is not the draft, with the next one beside it. Null where no take is ready.
 */
export function comparedFor(shot: ShotView, chosen: Compared | null): Compared | null {
	const ready = shot.takes.filter(isReady);
	const has = (id: string | null) => id !== null && ready.some(({ job }) => job.id === id);
	const usual = [
		...ready.filter(({ take }) => take > 0),
		...ready.filter(({ take }) => take === 0),
	];
	const mine = chosen?.shot === shot.id && has(chosen.a) ? chosen : null;
	const a = mine?.a ?? usual[0]?.job.id;
	if (a === undefined) return null;
	const other = usual.find(({ job }) => job.id !== a)?.job.id ?? null;
	const b = mine && has(mine.b) ? mine.b : other;
	const shows = mine?.shows === 'b' && b !== null ? 'b' : 'a';
	return { shot: shot.id, a, b, shows };
}

/** A take is put on the side that shows, or with `asB` on B; the one that it takes the place of gives way. */
export function withTake(compared: Compared, id: string, asB: boolean): Compared {
	const side = asB ? 'b' : compared.shows;
	if (side === 'b') {
		if (id === compared.a) return { ...compared, a: compared.b ?? id, b: id };
		return { ...compared, b: id };
	}
	if (id === compared.b) return { ...compared, a: id, b: compared.a };
	return { ...compared, a: id };
}

export function swapped(compared: Compared): Compared {
	return compared.b === null
		? compared
		: { ...compared, shows: compared.shows === 'a' ? 'b' : 'a' };
}

export function shownTake(shot: ShotView, compared: Compared): TakeView | null {
	const id = compared[compared.shows];
	return shot.takes.find(({ job }) => job.id === id) ?? null;
}

/** Whether the press would change anything in the cut. */
export function canUse(take: TakeView): boolean {
	return isReady(take) && !isPlaced(take);
}
