/** CIE L*, a*, b* under D65. */
export type Lab = readonly [lightness: number, a: number, b: number];

/** Of 8-bit BT.709 in video range, shown as sRGB is. Means over an area may be fractions. */
export function labOf(y: number, u: number, v: number): Lab {
	const luma = (y - 16) / 219;
	const [blue, red] = [((u - 128) / 224) * 1.8556, ((v - 128) / 224) * 1.5748];
	const green = (0.2126 * red + 0.0722 * blue) / 0.7152;
	const [r, g, b] = [linear(luma + red), linear(luma - green), linear(luma + blue)];
	const x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
	const z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
	const [fx, fy, fz] = [cubeRoot(x), cubeRoot(0.2126 * r + 0.7152 * g + 0.0722 * b), cubeRoot(z)];
	return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

/** IEC 61966-2-1. */
function linear(value: number): number {
	const v = Math.max(0, Math.min(1, value));
	return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function cubeRoot(t: number): number {
	return t > 216 / 24_389 ? Math.cbrt(t) : (24_389 / 27 / 116) * t + 16 / 116;
}

/**
 * CIEDE2000 with all weights 1 (Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005,
 * equations 2 to 22). 1 is about what an eye can just tell, side by side.
 */
export function deltaE([l1, a1, b1]: Lab, [l2, a2, b2]: Lab): number {
	const meanChroma = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
	const g = 0.5 * (1 - Math.sqrt(meanChroma ** 7 / (meanChroma ** 7 + 25 ** 7)));
	const [p1, p2] = [a1 * (1 + g), a2 * (1 + g)];
	const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
	const [h1, h2] = [hue(p1, b1), hue(p2, b2)];
	const isGrey = c1 * c2 === 0;
	const apart = h2 - h1;
	const turn = isGrey ? 0 : apart > 180 ? apart - 360 : apart < -180 ? apart + 360 : apart;
	const deltaHue = 2 * Math.sqrt(c1 * c2) * sine(turn / 2);
	const lightness = (l1 + l2) / 2;
	const chroma = (c1 + c2) / 2;
	const sum = h1 + h2;
	const h = isGrey
		? sum
		: Math.abs(apart) <= 180
			? sum / 2
			: sum < 360
				? (sum + 360) / 2
				: (sum - 360) / 2;
	const t =
		1 -
		0.17 * cosine(h - 30) +
		0.24 * cosine(2 * h) +
		0.32 * cosine(3 * h + 6) -
		0.2 * cosine(4 * h - 63);
	const offset = (lightness - 50) ** 2;
	const sl = 1 + (0.015 * offset) / Math.sqrt(20 + offset);
	const sc = 1 + 0.045 * chroma;
	const sh = 1 + 0.015 * chroma * t;
	const rotation =
		-2 *
		Math.sqrt(chroma ** 7 / (chroma ** 7 + 25 ** 7)) *
		sine(60 * Math.exp(-(((h - 275) / 25) ** 2)));
	const [dl, dc, dh] = [(l2 - l1) / sl, (c2 - c1) / sc, deltaHue / sh];
	return Math.sqrt(Math.max(0, dl ** 2 + dc ** 2 + dh ** 2 + rotation * dc * dh));
}

/** Degrees, 0…360. */
function hue(a: number, b: number): number {
	if (a === 0 && b === 0) return 0;
	const degrees = (Math.atan2(b, a) * 180) / Math.PI;
	return degrees < 0 ? degrees + 360 : degrees;
}

function sine(degrees: number): number {
	return Math.sin((degrees * Math.PI) / 180);
}

function cosine(degrees: number): number {
	return Math.cos((degrees * Math.PI) / 180);
}
