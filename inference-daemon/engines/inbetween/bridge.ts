import type { Frame } from '../../media/types.ts';
import { buildPyramid, type Pyramid, smallSize } from './flow.ts';
import type { Kernels } from './kernels.ts';
import type { Motion } from './motion.ts';
import { atTargets, mapFor, motionAtNodes, type Nodes, nodesFor, trustAtNodes } from './nodes.ts';
import { type Layout, layoutOf, load, padPlanes } from './planes.ts';
import { compareScenes, findVelocity, type Scene } from './scene.ts';
import { changeOver, coast, crossing, smoothStep, swing } from './timing.ts';
import { meanOf, typicalLength } from './vectors.ts';

/** The picture at a join, and one a few frames further into the clip to tell speed by. */
export type Side = {
	readonly edge: Frame;
	/** null for a clip of one frame. */
	readonly inner: Frame | null;
	/** Frames between `inner` and `edge`. */
	readonly distance: number;
	/** 1 where one more frame stands between `edge` and the join, which is not to be gone by. */
	readonly away?: number;
};

/**
 * `scene`: both sides show one scene and pixels travel from one to the other. `shots`: they do
 * not; each keeps moving and a soft-edged wipe changes over. `fade`: one side shows nothing to
 * follow. `one-sided`: only one side is there.
 */
export type Regime = 'scene' | 'shots' | 'fade' | 'one-sided';

/** Ready to draw any of the frames between two sides. */
export type Bridge = {
	readonly regime: Regime;
	/** Share of the picture that was found again on the other side, 0…1. */
	readonly confidence: number;
	/** Frame 0…count − 1, planes one after the other. Good until the next one is drawn in its place. */
	draw(frame: number, place?: number): Uint8Array;
	/** Where in the kernels' memory each place is. */
	readonly places: readonly number[];
};

/** Both sides are taken for the same scene when this much of the picture is found again. */
const SAME_SCENE = 0.38;

/** How sharply one side is chosen where the two do not show the same thing. */
const SHARPNESS = 7;

/** What both sides bring to a place may differ this much, measured by what stands there plainly, before it dissolves, and wholly dissolves. */
const AGREE = 0.7;
const DISAGREE = 0.92;

/** Width of the wipe's soft edge, as a share of the picture. */
const WIPE_SOFTNESS = 0.12;

const ALL_RIGHT = 32_767;
const NO_GRADE = [0, 0, 0, 0] as const;

/** What to draw: the frames between two sides, of which at least one is there. */
export type BridgeOptions = {
	/** Frames are yuv420p or yuv422p10le, all of one size. */
	readonly left: Side | null;
	readonly right: Side | null;
	/** Frames between the two. */
	readonly count: number;
	/** Frames in which motion that leads nowhere comes to rest. */
	readonly settle: number;
	/** Drawn frames that there is room for. Default 1. */
	readonly places?: number;
};

/** Looks at both sides and settles how to get from one to the other. */
export function buildBridge(
	kernels: Kernels,
	{ left, right, count, settle, places = 1 }: BridgeOptions,
): Bridge {
	const { width, height, data } = (left ?? right)!.edge;
	const layout = layoutOf((left ?? right)!.edge);
	const { first, steps } = stepsBetween(left, right, count);
	const nodes = nodesFor(width, height);
	const map = mapFor(width, height);
	const sources = [left, right].map((side) => side && padPlanes(kernels, side.edge, layout));
	const small = smallSize(width, height);
	const lumas = { left: 0, right: 0 };
	for (const side of ['left', 'right'] as const) {
		lumas[side] = kernels.allocate(small.width * small.height * 4);
	}
	const look = kernels.scratch(() => lookAt(kernels, layout, left, right, steps, lumas));
	const regime = chooseRegime(look.scene);
	const paths =
		regime === 'scene'
			? scenePaths(look, look.scene!, nodes, width, steps, settle)
			: coastPaths(look, nodes, width, settle);
	const memory = reserve(kernels, nodes, map, data.length, places);
	for (const side of ['left', 'right'] as const) {
		paths[side].forEach((field, i) => {
			kernels.floats(memory[side].fields[i]!, field.length).set(field);
		});
	}
	if (regime === 'scene') {
		const trust = (motion: Motion) => trustAtNodes(motion, nodes);
		const amount = nodes.columns * nodes.rows;
		kernels.floats(memory.left.trust, amount).set(trust(look.scene!.forward));
		kernels.floats(memory.right.trust, amount).set(trust(look.scene!.backward));
	}
	const wipe = wipeDirection(paths.left[0], paths.right[0]);
	const { run } = kernels;
	const grid = [nodes.unit, nodes.columns, nodes.rows] as const;
	const mapGrid = [map.columns, map.rows] as const;
	const finer = Math.log2(nodes.unit / map.unit);
	const plane = map.columns * map.rows * 4;
	const share = memory.maps + 4 * plane;

	const trace = (side: 'left' | 'right', weights: readonly [number, number, number]) => {
		const { fields, moved, found, misses } = memory[side];
		run.combine(fields[0]!, fields[1]!, fields[2]!, ...weights, ...grid, moved);
		run.trace(moved, nodes.columns, nodes.rows, found, misses);
	};
	const compare = (side: 'left' | 'right') => {
		const { moved, trust, found, misses } = memory[side];
		const other = memory[side === 'left' ? 'right' : 'left'];
		run.reconsider(moved, trust, found, misses, other.found, other.fields[0]!, ...grid);
	};
	const differ = (leftAt: number, rightAt: number, result: number) => {
		const { gain, offset } = look.scene!;
		run.differ(
			...([leftAt, rightAt, lumas.left, lumas.right, small.width, small.height] as const),
			...([nodes.unit / small.factor, gain, offset, nodes.columns, nodes.rows, result] as const),
		);
	};
	if (regime === 'scene') differ(0, 0, memory.still);
	const spread = (side: 'left' | 'right') => {
		const target = memory.maps + (side === 'left' ? 0 : 2 * plane);
		run.toMap(
			...([memory[side].found, finer, nodes.columns, nodes.rows, ...mapGrid] as const),
			...([width, height, layout.pad, target, memory.line] as const),
		);
	};

	return {
		regime,
		confidence: look.scene?.confidence ?? 0,
		places: memory.targets,
		draw(frame, place = 0) {
			const step = first + frame;
			const time = step / steps;
			const turn = changeOver(step, steps);
			let grade: readonly [number, number, number, number] = NO_GRADE;
			if (regime === 'scene') {
				const out = swing(step, paths.rest);
				const back = -swing(steps - step, paths.rest);
				trace('left', [time, out, back]);
				trace('right', [1 - time, out, back]);
				compare('left');
				compare('right');
				spread('left');
				spread('right');
				const { left: l, right: r } = memory;
				run.weighScene(
					...([l.found, r.found, l.misses, r.misses, l.fields[0]!, l.trust, r.trust] as const),
					...([...grid, width, height, crossing(step, steps), SHARPNESS, memory.shares] as const),
				);
				run.toShares(memory.shares, finer, nodes.columns, nodes.rows, ...mapGrid, share);
				differ(l.found, r.found, l.moved);
				run.weighDissolve(
					...([l.moved, memory.still, l.found, r.found] as const),
					...([width / nodes.unit, height / nodes.unit, AGREE, DISAGREE] as const),
					...([nodes.columns, nodes.rows, memory.shares] as const),
				);
				run.toShares(memory.shares, finer, nodes.columns, nodes.rows, ...mapGrid, share + plane);
				grade = gradeAt(look.scene!, time);
			} else {
				const turned = regime === 'shots' ? turn : 0.5;
				if (left !== null && turned < 1) {
					trace('left', [coast(step, paths.rest), 0, 0]);
					spread('left');
				}
				if (right !== null && turned > 0) {
					trace('right', [-coast(steps - step, paths.rest), 0, 0]);
					spread('right');
				}
				if (regime === 'shots')
					run.weighWipe(...mapGrid, width, height, ...wipe, turn, WIPE_SOFTNESS, share);
				else {
					const even = regime === 'fade' ? smoothStep(time) : left === null ? 1 : 0;
					kernels.integers(share, plane / 4).fill(Math.round(even * ALL_RIGHT));
				}
			}
			const target = memory.targets[place]!;
			const warp = layout.bytes === 1 ? run.warp8 : run.warp10;
			layout.planes.forEach((p, i) => {
				warp(
					...([target + p.offset, p.width, p.height, p.shiftX, p.shiftY] as const),
					...([sources[0]?.[i] ?? 0, sources[1]?.[i] ?? 0, layout.pad] as const),
					...([memory.maps, ...mapGrid, memory.row] as const),
					...(i === 0 ? grade : NO_GRADE),
					regime === 'scene' ? Math.round(time * ALL_RIGHT) : -1,
				);
			});
			return kernels.bytes(target, data.length);
		},
	};
}

/** Steps from one side's picture to the other's, and which of them the first frame between is. */
export function stepsBetween(left: Side | null, right: Side | null, count: number) {
	const first = 1 + (left?.away ?? 0);
	return { first, steps: first + count + (right?.away ?? 0) };
}

type Look = {
	readonly scene: Scene | null;
	/** Per frame; null where a side is missing, has one frame or shows something else a moment before. */
	readonly left: Motion | null;
	readonly right: Motion | null;
};

function lookAt(
	kernels: Kernels,
	layout: Layout,
	left: Side | null,
	right: Side | null,
	steps: number,
	lumas: { readonly left: number; readonly right: number },
): Look {
	const pyramid = (frame: Frame): Pyramid => {
		const plane = load(kernels, frame.data);
		return buildPyramid(kernels, plane, frame.width, frame.height, layout.bits);
	};
	const edges = { left: left && pyramid(left.edge), right: right && pyramid(right.edge) };
	for (const side of ['left', 'right'] as const) {
		const finest = edges[side]?.levels[0];
		if (finest === undefined) continue;
		const { luma, width, height } = finest;
		const values = kernels.floats(luma, width * height);
		kernels.floats(lumas[side], values.length).set(values);
	}
	const velocity = (side: Side | null, edge: Pyramid | null, sign: number) =>
		side === null || edge === null || side.inner === null
			? null
			: kernels.scratch(() =>
					findVelocity(kernels, edge, pyramid(side.inner!), sign * side.distance),
				);
	const speeds = {
		left: velocity(left, edges.left, -1),
		right: velocity(right, edges.right, 1),
	};
	const scene =
		edges.left && edges.right
			? kernels.scratch(() => compareScenes(kernels, edges.left!, edges.right!, speeds, steps))
			: null;
	return { scene, ...speeds };
}

function chooseRegime(scene: Scene | null): Regime {
	if (scene === null) return 'one-sided';
	if (scene.flatLeft && scene.flatRight) return 'scene';
	if (scene.flatLeft || scene.flatRight) return 'fade';
	return scene.confidence >= SAME_SCENE ? 'scene' : 'shots';
}

/** What each side's nodes move by, as three fields in full-size pixels that `draw` weighs. */
type Paths = {
	readonly left: readonly [Float32Array, Float32Array, Float32Array];
	readonly right: readonly [Float32Array, Float32Array, Float32Array];
	/** Frames in which a swing or a coast ends. */
	readonly rest: number;
};

/**
 * Pixels of a frame's speed times frames, per pixel of width, after which a swing has ended: it
 * leads away by about 0.15 of that. A hand that shakes is on its way back by then.
 */
const SWING = 0.1;

/**
 * The whole way across, and what the neighbours' own speed differs from its mean speed at the
 * left and at the right end: so that motion goes on through both joins without a jolt.
 */
function scenePaths(
	look: Look,
	scene: Scene,
	nodes: Nodes,
	width: number,
	steps: number,
	settle: number,
): Paths {
	const there = motionAtNodes(scene.forward, nodes);
	const back = motionAtNodes(scene.backward, nodes);
	const speedLeft = motionAtNodes(look.left, nodes);
	const speedRight = motionAtNodes(look.right, nodes);
	const beyond = (speed: Float32Array, way: Float32Array, sign: number, known: boolean) =>
		speed.map((value, i) => (known ? value - (sign * way[i]!) / steps : 0));
	const left = [
		beyond(speedLeft, there, 1, look.left !== null),
		beyond(atTargets(speedRight, there, nodes), there, 1, look.right !== null),
	] as const;
	const right = [
		beyond(atTargets(speedLeft, back, nodes), back, -1, look.left !== null),
		beyond(speedRight, back, -1, look.right !== null),
	] as const;
	const fastest = Math.max(...[...left, ...right].map(typicalLength), 1e-3);
	const longest = Math.min(steps / 3, settle / 2, (SWING * width) / fastest);
	return {
		left: [there, ...left],
		right: [back, ...right],
		rest: Math.max(Math.min(steps, 4), longest),
	};
}

/** Each side goes on at its own speed and comes to rest before too much is shown that it never saw. */
function coastPaths(look: Look, nodes: Nodes, width: number, settle: number): Paths {
	const left = motionAtNodes(look.left, nodes);
	const right = motionAtNodes(look.right, nodes);
	const none = new Float32Array(left.length);
	const fastest = Math.max(typicalLength(left), typicalLength(right), 1e-3);
	return {
		left: [left, none, none],
		right: [right, none, none],
		rest: Math.max(6, Math.min(settle, (0.14 * width) / fastest)),
	};
}

function reserve(kernels: Kernels, nodes: Nodes, map: Nodes, frameBytes: number, places: number) {
	const values = nodes.columns * nodes.rows * 4;
	const side = () => ({
		fields: [0, 1, 2].map(() => kernels.allocate(values * 2)),
		trust: kernels.allocate(values),
		moved: kernels.allocate(values * 2),
		found: kernels.allocate(values * 2),
		misses: kernels.allocate(values),
	});
	return {
		left: side(),
		right: side(),
		shares: kernels.allocate(values),
		/** How much the sides differ where they stand. */
		still: kernels.allocate(values),
		line: kernels.allocate(nodes.columns * 8),
		/** Left x, left y, right x, right y, share of the right, how much is dissolved. */
		maps: kernels.allocate(map.columns * map.rows * 4 * 6),
		row: kernels.allocate(map.columns * 4 * 6),
		targets: Array.from({ length: places }, () => kernels.allocate(frameBytes)),
	};
}

/** Along the way that the pictures move, so that the edge travels with them. */
function wipeDirection(left: Float32Array, right: Float32Array): readonly [number, number] {
	const [lx, ly] = meanOf(left);
	const [rx, ry] = meanOf(right);
	const length = Math.hypot(lx + rx, ly + ry);
	return length > 0.4 ? [(lx + rx) / length, (ly + ry) / length] : [1, 0];
}

/** Luma gains − 1 and offsets in Q15 that bring each side to the brightness due at `time`. */
function gradeAt(scene: Scene, time: number): readonly [number, number, number, number] {
	const { gain, offset } = scene;
	const q15 = (value: number) => Math.round(value * 32_768);
	const luma = (value: number) => Math.round(value * 128);
	return [
		q15((gain - 1) * time),
		luma(offset * time),
		q15((1 / gain - 1) * (1 - time)),
		luma((-offset / gain) * (1 - time)),
	];
}
