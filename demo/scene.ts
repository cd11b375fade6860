/**
 * The demo's place: a camera that pans over hills in the evening, painted pixel by pixel, so that
 * the demo needs no footage. World units are pixels at a width of 1280.
 */

export type Picture = { readonly width: number; readonly height: number };

/** One RGB frame of the pan, `time` in frames of 1/24 s; 3 bytes a pixel. */
export function paintScene(time: number, { width, height }: Picture): Uint8Array {
	const image = new Uint8Array(width * height * 3);
	const scale = 1280 / width;
	const camera = time * 2.2;
	const sun = { x: 900 - camera * 0.06, y: 190 };
	const balloon = { x: 420 + time * 1.4 - camera * 0.35, y: 210 - time * 0.45 };
	const ridges = LAYERS.map((layer) =>
		Float64Array.from({ length: width }, (_unused, column) =>
			ridge(column * scale + camera * layer.parallax, layer),
		),
	);
	let at = 0;
	for (let row = 0; row < height; row++) {
		const y = row * scale;
		for (let column = 0; column < width; column++) {
			const x = column * scale;
			const [r, g, b] = shade(x, y, column, camera, ridges, sun, balloon);
			image[at++] = r;
			image[at++] = g;
			image[at++] = b;
		}
	}
	return image;
}

type Point = { readonly x: number; readonly y: number };
type Colour = readonly [number, number, number];
type Layer = {
	readonly base: number;
	readonly swing: number;
	readonly parallax: number;
	readonly colour: Colour;
	readonly grain: number;
};

/** From far to near. */
const LAYERS: readonly Layer[] = [
	{ base: 380, swing: 70, parallax: 0.25, colour: [122, 118, 158], grain: 6 },
	{ base: 450, swing: 60, parallax: 0.5, colour: [86, 98, 128], grain: 14 },
	{ base: 540, swing: 55, parallax: 0.8, colour: [52, 78, 82], grain: 22 },
	{ base: 640, swing: 40, parallax: 1.1, colour: [30, 48, 44], grain: 26 },
];

function shade(
	x: number,
	y: number,
	column: number,
	camera: number,
	ridges: readonly Float64Array[],
	sun: Point,
	balloon: Point,
): Colour {
	for (let index = LAYERS.length - 1; index >= 0; index--) {
		const layer = LAYERS[index];
		const top = ridges[index]?.[column];
		if (!layer || top === undefined || y < top) continue;
		const world = x + camera * layer.parallax;
		const grain =
			(noise(world / 9, y / 5) - 0.5) * layer.grain + (noise(world / 60, y / 25) - 0.5) * 24;
		const light = 1.12 - Math.min(1, (y - top) / 220) * 0.3;
		return mapColour(layer.colour, (value) => value * light + grain);
	}
	const flown = flownOver(x - balloon.x, y - balloon.y);
	if (flown) return flown;
	return sky(x, y, camera, sun);
}

function sky(x: number, y: number, camera: number, sun: Point): Colour {
	const height = Math.min(1, y / 460);
	const glow = Math.exp(-((x - sun.x) ** 2 + (y - sun.y) ** 2) / 26_000);
	const disc = Math.min(1, Math.max(0, 46 - Math.hypot(x - sun.x, y - sun.y)));
	const world = x + camera * 0.12;
	const cloud = Math.max(
		0,
		noise(world / 170, y / 42) * 0.7 + noise(world / 60, y / 20) * 0.3 - 0.5,
	);
	const base: Colour = [70 + height * 170, 96 + height * 84, 150 + height * 10];
	return [
		clamp(base[0] + glow * 70 + disc * 60 + cloud * 150),
		clamp(base[1] + glow * 55 + disc * 55 + cloud * 110),
		clamp(base[2] + glow * 10 + disc * 40 + cloud * 90),
	];
}

/** The balloon around its centre, or null beside it. */
function flownOver(dx: number, dy: number): Colour | null {
	const body = (dx / 44) ** 2 + (dy / 52) ** 2;
	if (body < 1) {
		const stripe = Math.floor((Math.asin(Math.max(-1, Math.min(1, dx / 44))) + 1.6) * 3.2) % 2;
		const lit = 1 - 0.35 * ((dx + 20) / 64) ** 2;
		return mapColour(stripe === 0 ? [206, 70, 52] : [236, 202, 122], (value) => value * lit);
	}
	if (dy > 62 && dy < 78 && Math.abs(dx) < 11) return [92, 60, 38];
	return null;
}

function ridge(world: number, layer: Layer): number {
	const slow = Math.sin(world / 190 + layer.base) + 0.5 * Math.sin(world / 83 + layer.base * 2);
	return layer.base - layer.swing * 0.6 * slow - noise(world / 24, layer.base) * layer.swing * 0.35;
}

/** Value noise, 0…1, smooth over a unit grid. */
function noise(x: number, y: number): number {
	const column = Math.floor(x);
	const row = Math.floor(y);
	const u = fade(x - column);
	const v = fade(y - row);
	const top = lattice(column, row) * (1 - u) + lattice(column + 1, row) * u;
	const bottom = lattice(column, row + 1) * (1 - u) + lattice(column + 1, row + 1) * u;
	return top * (1 - v) + bottom * v;
}

function lattice(column: number, row: number): number {
	let hash = Math.imul(column, 374_761_393) ^ Math.imul(row, 668_265_263);
	hash = Math.imul(hash ^ (hash >>> 13), 1_274_126_177);
	return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}

function fade(t: number): number {
	return t * t * (3 - 2 * t);
}

function clamp(value: number): number {
	return Math.max(0, Math.min(255, value));
}

function mapColour(colour: Colour, change: (value: number) => number): Colour {
	return [clamp(change(colour[0])), clamp(change(colour[1])), clamp(change(colour[2]))];
}
