import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { FrameRate } from '../../protocol/time.ts';
import { type Rendered, render, toneLevel } from '../host-bridge/mlt-render.ts';
import { drawn } from '../tries.ts';
import { CASE_TONE } from './placement-table.ts';

/** How many frames of a case are rendered: all that there are, whatever was moved. */
const LAST = 124;

/** A cut rendered by melt, which is not ours. `project`: as MLT. */
export async function rendered(folder: string, name: string, project: string): Promise<Rendered> {
	const path = join(folder, `${name}.mlt`);
	await writeFile(path, project);
	return render(path, LAST);
}

/**
 * That one rendering shows another's cut with a clip of ours over a range, or with nothing where that
 * is null: every other frame as it was, and the person's tone as loud, under our clip too.
 */
export function expectPlacedOver(
	before: Rendered,
	after: Rendered,
	range: { readonly start: number; readonly end: number } | null,
	rate: FrameRate,
): void {
	const isOurs = (frame: number) => range !== null && range.start <= frame && frame < range.end;
	const shown = before.colours.map((colour, frame) => (isOurs(frame) ? 'ours' : colour));
	// Clips of the engine that tests have are green, and nothing of the person's is.
	const found = after.colours.map((colour, frame) => {
		return isOurs(frame) && colour === 'G' ? 'ours' : colour;
	});
	expect(found).toEqual(shown);
	const perSecond = rate.num / rate.den;
	for (let start = 0; start < LAST; start += 25) {
		const frames = { start, end: start + 25 };
		const [was, is] = [before, after].map(({ sound }) =>
			Math.max(-60, toneLevel(sound, CASE_TONE, frames, perSecond)),
		);
		expect(Math.abs(is! - was!), `the tone of ${start}–${start + 25}`).toBeLessThan(1);
	}
}

/** Those that are rendered: all in a soak, else a few that are drawn, since each takes seconds. */
export function judged<T>(cases: readonly T[]): ReadonlySet<T> {
	if (process.env.PICKUP_SOAK) return new Set(cases);
	return new Set([1, 2, 3].map((turn) => drawn(cases, 100 * turn)));
}
