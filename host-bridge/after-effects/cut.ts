import {
	add,
	canDropFrames,
	divide,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	ONE,
	type Rational,
	rangesOverlap,
	rational,
	subtract,
	ZERO,
} from '../../protocol/time.ts';
import type { ClipSpan, Cut, MediaSource, Track } from '../../protocol/timeline.ts';
import { exactRate, exactSeconds, frameFrom, plainFraction } from './exact.ts';
import { type Laid, pictureLanes, soundLanes } from './lanes.ts';
import { type Mark, readMark } from './mark.ts';
import type { RawComp, RawLayer } from './script/raw.ts';

/** A composition as a cut, and which layer each clip is. */
export type ReadComp = { readonly cut: Cut; readonly standing: readonly Standing[] };

export type Standing = {
	readonly of: 'video' | 'audio';
	readonly layer: RawLayer;
	readonly clip: ClipSpan;
};

/**
 * Layers are the clips. After Effects has no tracks: lanes.ts says which layers share one. Cameras,
 * lights, nulls, guides and mattes show nothing of themselves; text, shapes and adjustment layers
 * are drawn over others, and are said of the clips that they lie over.
 */
export function readCut(comp: RawComp): ReadComp {
	const rate = exactRate(comp.frameRate);
	const duration = Math.max(1, Math.round((comp.duration * rate.num) / rate.den));
	const bottomUp = [...comp.layers].reverse();
	const isSolo = comp.layers.some(({ solo }) => solo);
	const known = bottomUp.map((layer) => ({
		layer,
		mark: readMark(layer.comment),
		range: shownRange(layer, rate, duration),
		isHeardOrSeen: !isSolo || layer.solo,
	}));
	const shown = known.flatMap((each) => (each.range ? [{ ...each, range: each.range }] : []));
	const over = shown.filter(({ layer }) => isGraphic(layer) && layer.enabled);
	const pictures = shown.filter(({ layer, mark }) => isPicture(layer) && wants(mark, 'video'));
	const sounds = shown.filter(({ layer, mark }) => layer.hasAudio && wants(mark, 'audio'));
	const standing = [
		...laid(pictures, 'video', pictureLanes, ({ layer }) => layer.enabled),
		...laid(sounds, 'audio', soundLanes, ({ layer }) => layer.audioEnabled),
	];
	return {
		cut: {
			sequence: {
				name: comp.name.slice(0, 500),
				rate,
				size: { width: comp.width, height: comp.height },
				pixelAspect: plainFraction(comp.pixelAspect),
				duration,
				startFrame: Math.round((comp.displayStartTime * rate.num) / rate.den),
				dropFrame: comp.dropFrame && canDropFrames(rate),
				// After Effects tells nobody its project’s own.
				sampleRate: 48_000,
			},
			tracks: [...tracksOf('video', standing), ...tracksOf('audio', standing)],
		},
		standing,
	};

	function laid(
		parts: readonly Shown[],
		of: 'video' | 'audio',
		lanesOf: (laid: readonly Laid[]) => readonly number[],
		isOn: (part: Shown) => boolean,
	): Standing[] {
		const on = (part: Shown) => isOn(part) && part.isHeardOrSeen;
		const lanes = lanesOf(
			parts.map((part) => ({
				range: part.range,
				enabled: on(part),
				wanted: part.mark?.[of] ?? null,
			})),
		);
		return parts.map((part, at) => {
			const track = `${of === 'video' ? 'V' : 'A'}${lanes[at]! + 1}`;
			const above = over.filter(
				({ layer, range }) => layer.index < part.layer.index && rangesOverlap(range, part.range),
			);
			const names = above.map(({ layer }) => `${layer.name} above it`);
			return { of, layer: part.layer, clip: clipOf(part, of, track, on(part), names, rate) };
		});
	}
}

type Shown = {
	readonly layer: RawLayer;
	readonly mark: Mark | null;
	readonly range: FrameRange;
	readonly isHeardOrSeen: boolean;
};

function clipOf(
	{ layer, range }: Shown,
	of: 'video' | 'audio',
	track: string,
	enabled: boolean,
	above: readonly string[],
	rate: FrameRate,
): ClipSpan {
	const source = sourceOf(layer);
	const isStill = layer.isStill || source.kind === 'synthetic';
	const timing = isStill ? { sourceIn: ZERO, speed: isStillFile() ? ZERO : ONE } : timingOf();
	const looks = of === 'video' ? [...layer.looks, ...above] : [];
	const sound = of === 'audio' ? soundOf(layer, range.start) : {};
	return {
		name: layer.name.slice(0, 500),
		track,
		range,
		source,
		...timing,
		enabled,
		...sound,
		...(looks.length > 0 ? { effects: looks.slice(0, 64).map((look) => look.slice(0, 500)) } : {}),
	};

	function isStillFile(): boolean {
		return layer.isStill && source.kind !== 'synthetic';
	}

	function timingOf(): { readonly sourceIn: Rational; readonly speed: Rational } {
		const stretched = divide(rational(100), plainFraction(layer.stretch));
		const conform = layer.conformRate > 0 && layer.nativeRate > 0 && of === 'video';
		const speed = conform
			? multiply(stretched, divide(exactRate(layer.conformRate), exactRate(layer.nativeRate)))
			: stretched;
		// Backwards a frame shows what forwards would come to an end in it.
		const at = framesToSeconds(range.start + (speed.num < 0 ? 1 : 0), rate);
		const passed = subtract(at, exactSeconds(layer.start, rate));
		return { sourceIn: add(ZERO, multiply(passed, speed)), speed };
	}
}

function sourceOf(layer: RawLayer): MediaSource {
	const synthetic = (what: string): MediaSource => ({
		kind: 'synthetic',
		what: what.slice(0, 500),
	});
	if (layer.kind === 'comp') return synthetic(`composition ${layer.name}`);
	if (layer.kind === 'untold') return synthetic('layer that After Effects does not describe');
	if (layer.kind !== 'footage' || layer.path === null) return synthetic(layer.kind);
	if (layer.isMissing) {
		return { kind: 'offline', path: layer.path, reason: 'Its footage is missing in After Effects' };
	}
	if (layer.isRemapped) return synthetic('footage with time remapping');
	if (layer.loop > 1) return synthetic('footage that is looped');
	if (layer.stretch === 0) return synthetic('footage that stands still');
	if (!layer.isStill && STILLS.test(layer.path)) return synthetic('a sequence of stills');
	return { kind: 'file', path: layer.path };
}

const STILLS = /\.(png|jpe?g|tiff?|tga|exr|dpx|cin|bmp|psd|iff|sgi|rgb|hdr|webp|heic)$/i;

function soundOf(layer: RawLayer, frame: number): Pick<ClipSpan, 'sound' | 'effects'> {
	const { levels } = layer;
	if (levels === null) return { effects: ['audio levels that change'] };
	const [left = 0, right = left] = levels;
	if (left !== right) return { effects: ['audio levels of two channels'] };
	if (left === 0) return {};
	return { sound: { level: [{ frame, gain: Math.min(1000, 10 ** (left / 20)) }] } };
}

/** The frames of the composition that a layer is on; null where there are none. Reversed, its ends are swapped. */
function shownRange(layer: RawLayer, rate: FrameRate, duration: number): FrameRange | null {
	const start = Math.max(0, frameFrom(Math.min(layer.in, layer.out), rate));
	const end = Math.min(duration, frameFrom(Math.max(layer.in, layer.out), rate));
	return start < end ? { start, end } : null;
}

function isGraphic(layer: RawLayer): boolean {
	return layer.kind === 'text' || layer.kind === 'shape' || layer.isAdjustment;
}

function isPicture(layer: RawLayer): boolean {
	const { kind, hasVideo, isNull, isGuide, isMatte } = layer;
	return hasVideo && kind !== 'unseen' && !isGraphic(layer) && !isNull && !isGuide && !isMatte;
}

function wants(mark: Mark | null, of: 'video' | 'audio'): boolean {
	return mark === null || mark[of] !== null;
}

/** At least one of each kind, so that an empty composition has where to begin. */
function tracksOf(kind: Track['kind'], standing: readonly Standing[]): readonly Track[] {
	const letter = kind === 'video' ? 'V' : 'A';
	const clips = standing.filter(({ of }) => of === kind).map(({ clip }) => clip);
	const count = Math.max(1, ...clips.map(({ track }) => Number(track.slice(1))));
	return Array.from({ length: count }, (_, index) => {
		const name = `${letter}${index + 1}`;
		const own = clips.filter(({ track }) => track === name);
		own.sort((a, b) => a.range.start - b.range.start);
		return { kind, index, name, enabled: true, locked: false, clips: own, transitions: [] };
	});
}
