import { type FrameRange, rangesOverlap } from '../../protocol/time.ts';

/** A layer, or what is heard of one, on its way to a track. */
export type Laid = {
	readonly range: FrameRange;
	readonly enabled: boolean;
	/** The lane that it was put on; null for what is not ours. */
	readonly wanted: number | null;
};

/**
 * Which video track each layer is on, from 0, for layers bottom up: as low as it can be, and above
 * all that it covers. So shots that follow each other are on one track with their gaps, and what
 * lies over them is above. Ours stay on the track that they were put on, which may be higher.
 * Switched-off layers show nothing and leave no gap filled: they are above all others.
 */
export function pictureLanes(layers: readonly Laid[]): readonly number[] {
	const lanes = new Map<Laid, number>();
	const lay = (layer: Laid, floor: number) => {
		let lane = Math.max(floor, layer.wanted ?? 0);
		for (const [below, its] of lanes) {
			if (rangesOverlap(below.range, layer.range)) lane = Math.max(lane, its + 1);
		}
		lanes.set(layer, lane);
	};
	for (const layer of layers) if (layer.enabled) lay(layer, 0);
	const floor = Math.max(-1, ...lanes.values()) + 1;
	for (const layer of layers) if (!layer.enabled) lay({ ...layer, wanted: null }, floor);
	let off = 0;
	const offLanes = [...lanes].filter(([layer]) => !layer.enabled).map(([, lane]) => lane);
	return layers.map((layer) => (layer.enabled ? lanes.get(layer)! : offLanes[off++]!));
}

/**
 * Which audio track each sound is on, from 0: sounds have no order, so that each takes the first
 * lane that is free. Ours come last: they move nobody else’s.
 */
export function soundLanes(sounds: readonly Laid[]): readonly number[] {
	const lanes = new Map<Laid, number>();
	const lay = (sound: Laid) => {
		const isFree = (lane: number) =>
			![...lanes].some(([other, its]) => its === lane && rangesOverlap(other.range, sound.range));
		let lane = sound.wanted !== null && isFree(sound.wanted) ? sound.wanted : 0;
		while (!isFree(lane)) lane += 1;
		lanes.set(sound, lane);
	};
	for (const sound of sounds) if (sound.wanted === null) lay(sound);
	for (const sound of sounds) if (sound.wanted !== null) lay(sound);
	return sounds.map((sound) => lanes.get(sound)!);
}
