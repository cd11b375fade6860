import { TICKS_PER_SECOND } from '../../protocol/time.ts';
import type { MediaSource } from '../../protocol/timeline.ts';
import { pixelAspectOf } from '../premiere/pixel-aspect.ts';
import {
	effectNames,
	isDropFrame,
	type ReadCut,
	type ReadTrack,
	type Shown,
	type Stretch,
	timingOf,
	trackOf,
} from '../premiere/read.ts';
import { frameOf, rateOf } from '../premiere/ticks.ts';
import type { RawClip, RawSequence, RawSpan, RawTrack } from './script/raw.ts';

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
			...(note === null ? {} : { notes: [note] }),
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
	{ kind, muted, locked, clips, transitions }: RawTrack,
	index: number,
	ticksPerFrame: bigint,
): ReadTrack<string> {
	return trackOf(
		{ kind, index, enabled: !muted, locked },
		ticksPerFrame,
		clips.map((clip) => ({
			item: clip.id,
			...stretchOf(clip),
			shown: shownBy(kind, clip, ticksPerFrame),
		})),
		transitions.map((each) => ({ name: each.name, ...stretchOf(each) })),
	);
}

function shownBy(kind: RawTrack['kind'], clip: RawClip, ticksPerFrame: bigint): Shown {
	const effects = effectNames(clip.effects);
	const own = { name: clip.name.slice(0, 500), enabled: !clip.disabled };
	const more = effects.length > 0 ? { effects } : {};
	const source = sourceOf(clip);
	const { start, end } = stretchOf(clip);
	const timing =
		source.kind === 'synthetic'
			? null
			: timingOf({
					kind,
					duration: end - start,
					ticksPerFrame,
					from: ticksOf(clip.in),
					to: ticksOf(clip.out),
					speed: clip.speed,
					isReversed: clip.reversed,
				});
	if (timing) return { ...own, source, ...timing, ...more };
	const still = { sourceIn: { num: 0, den: 1 }, speed: { num: 1, den: 1 } };
	const curved: MediaSource = { kind: 'synthetic', what: 'clip of a varying speed' };
	return { ...own, source: source.kind === 'synthetic' ? source : curved, ...still, ...more };
}

function sourceOf({ synthetic, path, offline }: RawClip): MediaSource {
	if (synthetic !== null) return { kind: 'synthetic', what: synthetic };
	if (!offline) return { kind: 'file', path };
	return { kind: 'offline', path: path.slice(0, 4096), reason: 'Premiere has it offline' };
}

function sampleRateOf(sample: string | null): number {
	const ticks = sample === null ? 0n : ticksOf(sample);
	return ticks > 0n ? Math.round(Number(TICKS_PER_SECOND) / Number(ticks)) : 48_000;
}
