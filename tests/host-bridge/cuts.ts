import type { Placement } from '../../host-bridge/host.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { FrameRange, FrameRate } from '../../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';

type ClipSketch = readonly [start: number, end: number, change?: Partial<ClipSpan>];
type TrackSketch =
	| readonly ClipSketch[]
	| ({ readonly clips: readonly ClipSketch[] } & Omit<Partial<Track>, 'clips'>);

/** A cut from a few numbers: clips are called by their track and place, as V1.1. */
export function cutOf(sketch: {
	readonly rate?: FrameRate;
	readonly startFrame?: number;
	readonly dropFrame?: boolean;
	readonly splitStereo?: boolean;
	readonly video?: readonly TrackSketch[];
	readonly audio?: readonly TrackSketch[];
}): Cut {
	const tracks = [
		...(sketch.video ?? []).map((track, index) => trackOf('video', track, index)),
		...(sketch.audio ?? []).map((track, index) => trackOf('audio', track, index)),
	];
	return {
		sequence: {
			name: 'Cut',
			rate: sketch.rate ?? { num: 25, den: 1 },
			size: { width: 640, height: 360 },
			pixelAspect: { num: 1, den: 1 },
			duration: Math.max(0, ...tracks.map((track) => track.clips.at(-1)?.range.end ?? 0)),
			startFrame: sketch.startFrame ?? 0,
			dropFrame: sketch.dropFrame ?? false,
			sampleRate: 48_000,
		},
		tracks,
		...(sketch.splitStereo ? { splitStereo: true } : {}),
	};
}

export function placementOf(
	range: FrameRange,
	change: Partial<Omit<Placement, 'clip'>> & { readonly clip?: Partial<Clip> } = {},
): Placement {
	const frames = range.end - range.start;
	return {
		name: 'Made',
		range,
		track: 'V1',
		where: 'gap',
		picture: true,
		sound: true,
		...change,
		clip: {
			path: '/media/made.mov',
			frames,
			rate: { num: 25, den: 1 },
			size: { width: 640, height: 360 },
			samples: frames * 1920,
			codec: 'h264-intra',
			draft: true,
			engine: 'inbetween',
			seed: 7,
			...change.clip,
		},
	};
}

function trackOf(kind: 'video' | 'audio', sketch: TrackSketch, index: number): Track {
	const name = `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
	const given = 'clips' in sketch ? sketch : { clips: sketch };
	return {
		kind,
		index,
		name,
		enabled: true,
		locked: false,
		transitions: [],
		...given,
		clips: given.clips.map(([start, end, change], at) => ({
			name: `${name}.${at + 1}`,
			track: name,
			range: { start, end },
			source: { kind: 'file', path: `/media/${name}.${at + 1}.mov` },
			sourceIn: { num: 0, den: 1 },
			speed: { num: 1, den: 1 },
			enabled: true,
			...change,
		})),
	};
}
