import { TICKS_PER_SECOND } from '../../protocol/time.ts';
import type { MediaSource } from '../../protocol/timeline.ts';
import { pixelAspectOf } from '../premiere/pixel-aspect.ts';
import {
	CURVED,
	effectNames,
	isDropFrame,
	notesOf,
	type ReadCut,
	type ReadTrack,
	type Shown,
	STILL,
	type Stretch,
	timingOf,
	trackOf,
	UNTOLD,
} from '../premiere/read.ts';
import { frameOf, rateOf } from '../premiere/ticks.ts';
import type { RawSequence, RawShows, RawSpan, RawTrack } from './script/raw.ts';

/** A sequence as it stands. Premiere's scripting says neither how many channels a track takes, nor at which level a sound plays. */
export function cutOf(raw: RawSequence): ReadCut<string> {
	const ticksPerFrame = ticksOf(raw.ticksPerFrame);
	const rate = rateOf(ticksPerFrame);
	const { aspect, note } = pixelAspectOf(raw.pixelAspect);
	const counts = { video: 0, audio: 0 };
	const tracks = raw.tracks.map((track) => readTrack(track, counts[track.kind]++, ticksPerFrame));
	const ends = raw.tracks.flatMap(({ clips }) => clips.map(({ end }) => ticksOf(end)));
	const end = ends.reduce((most, each) => (each > most ? each : most), 0n);
	return {
		cut: {
			sequence: {
				name: raw.name.slice(0, 500),
				rate,
				size: { width: raw.width, height: raw.height },
				pixelAspect: aspect,
				duration: frameOf(end, ticksPerFrame),
				startFrame: frameOf(ticksOf(raw.zeroPoint), ticksPerFrame),
				dropFrame: isDropFrame(raw.displayFormat, rate),
				sampleRate: sampleRateOf(raw.sample),
			},
			tracks: tracks.map(({ track }) => track),
			...notesOf(note, tracks),
		},
		tracks,
	};
}

export function stretchOf({ start, end }: RawSpan): Stretch {
	return { start: ticksOf(start), end: ticksOf(end) };
}

/** Premiere writes them as whole numbers; where it does not, to what a number is exact to. */
export function ticksOf(text: string): bigint {
	return /^-?\d+$/.test(text) ? BigInt(text) : BigInt(Math.round(Number(text)));
}

function readTrack(
	{ kind, muted, locked, clips, transitions, unplaced }: RawTrack,
	index: number,
	ticksPerFrame: bigint,
): ReadTrack<string> {
	return trackOf(
		{ kind, index, enabled: !muted, locked },
		ticksPerFrame,
		clips.map(({ id, shows, ...span }) => {
			const { start, end } = stretchOf(span);
			const shown = shows ? shownBy(kind, shows, end - start, ticksPerFrame) : UNTOLD;
			return { item: id, start, end, shown };
		}),
		transitions.map((each) => ({ name: each.name, ...stretchOf(each) })),
		unplaced,
	);
}

function shownBy(
	kind: RawTrack['kind'],
	shows: RawShows,
	duration: bigint,
	ticksPerFrame: bigint,
): Shown {
	const effects = effectNames(shows.effects);
	const own = { name: shows.name.slice(0, 500), enabled: !shows.disabled };
	const more = effects.length > 0 ? { effects } : {};
	const source = sourceOf(shows);
	if (source.kind === 'synthetic') return { ...own, source, ...STILL, ...more };
	const timing = timingOf({
		kind,
		duration,
		ticksPerFrame,
		from: ticksOf(shows.in),
		to: ticksOf(shows.out),
		speed: shows.speed,
		isReversed: shows.reversed,
	});
	return timing ? { ...own, source, ...timing, ...more } : { ...own, ...CURVED, ...more };
}

function sourceOf({ synthetic, path, offline }: RawShows): MediaSource {
	if (synthetic !== null) return { kind: 'synthetic', what: synthetic };
	if (!offline) return { kind: 'file', path };
	return { kind: 'offline', path: path.slice(0, 4096), reason: 'Premiere has it offline' };
}

function sampleRateOf(sample: string | null): number {
	const ticks = sample === null ? 0n : ticksOf(sample);
	return ticks > 0n ? Math.round(Number(TICKS_PER_SECOND) / Number(ticks)) : 48_000;
}
