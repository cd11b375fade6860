/**
 * The demo's place: a camera that pans over hills in the evening, painted pixel by pixel, so that
 * the demo needs no footage. World units are pixels at a width of 1280.
 */

export type Picture = { readonly width: number; readonly height: number };

/** One RGB frame of the pan, `time` in frames of 1/24 s; 3 bytes a pixel. */
export function paintScene(time: number, { width, height }: Picture): Uint8ClampedArray {
	const image = new Uint8ClampedArray(width * height * 3);
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
		for (let column = 0; column < width; column++, at += 3) {
			const x = column * scale;
			const index = nearestLayer(y, column, ridges);
			const layer = LAYERS[index];
			if (layer)
				paintHill(image, at, layer, x + camera * layer.parallax, y, ridges[index]?.[column] ?? 0);
			else if (!paintBalloon(image, at, x - balloon.x, y - balloon.y)) {
				paintSky(image, at, x, y, camera, sun);
			}
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

/** The nearest layer that reaches up to `y`, or −1 for the sky. */
function nearestLayer(y: number, column: number, ridges: readonly Float64Array[]): number {
	for (let index = ridges.length - 1; index >= 0; index--) {
		if (y >= (ridges[index]?.[column] ?? Number.POSITIVE_INFINITY)) return index;
	}
	return -1;
}

function paintHill(
	image: Uint8ClampedArray,
	at: number,
	layer: Layer,
	world: number,
	y: number,
	top: number,
): void {
	const fine = (noise(world / 9, y / 5) - 0.5) * layer.grain;
	const grain = fine + (noise(world / 60, y / 25) - 0.5) * 24;
	const light = 1.12 - Math.min(1, (y - top) / 220) * 0.3;
	const [r, g, b] = layer.colour;
	image[at] = r * light + grain;
	image[at + 1] = g * light + grain;
	image[at + 2] = b * light + grain;
}

function paintSky(
	image: Uint8ClampedArray,
	at: number,
	x: number,
	y: number,
	camera: number,
	sun: Point,
): void {
	const height = Math.min(1, y / 460);
	const away = (x - sun.x) ** 2 + (y - sun.y) ** 2;
	const glow = Math.exp(-away / 26_000);
	const disc = Math.min(1, Math.max(0, 46 - Math.sqrt(away)));
	const world = x + camera * 0.12;
	const shapes = noise(world / 170, y / 42) * 0.7 + noise(world / 60, y / 20) * 0.3;
	const cloud = Math.max(0, shapes - 0.5);
	image[at] = 70 + height * 170 + glow * 70 + disc * 60 + cloud * 150;
	image[at + 1] = 96 + height * 84 + glow * 55 + disc * 55 + cloud * 110;
	image[at + 2] = 150 + height * 10 + glow * 10 + disc * 40 + cloud * 90;
}

/** Paints the balloon where the point is on it; false beside it. */
function paintBalloon(image: Uint8ClampedArray, at: number, dx: number, dy: number): boolean {
	const onBody = (dx / 44) ** 2 + (dy / 52) ** 2 < 1;
	const onBasket = dy > 62 && dy < 78 && Math.abs(dx) < 11;
	if (!onBody && !onBasket) return false;
	const stripe = Math.floor((Math.asin(Math.max(-1, Math.min(1, dx / 44))) + 1.6) * 3.2) % 2;
	const lit = onBody ? 1 - 0.35 * ((dx + 20) / 64) ** 2 : 1;
	const [r, g, b] = !onBody ? BASKET : stripe === 0 ? RED : CREAM;
	image[at] = r * lit;
	image[at + 1] = g * lit;
	image[at + 2] = b * lit;
	return true;
}

const RED: Colour = [206, 70, 52];
const CREAM: Colour = [236, 202, 122];
const BASKET: Colour = [92, 60, 38];

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
	return LATTICE[((row & 255) << 8) | (column & 255)] ?? 0;
}

const LATTICE = Float64Array.from({ length: 65_536 }, (_unused, index) => {
	let hash = Math.imul(index & 255, 374_761_393) ^ Math.imul(index >> 8, 668_265_263);
	hash = Math.imul(hash ^ (hash >>> 13), 1_274_126_177);
	return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
});

function fade(t: number): number {
	return t * t * (3 - 2 * t);
}
