/** u = a·x + b·y + c, v = d·x + e·y + f. */
export type Affine = readonly [number, number, number, number, number, number];

export type Matches = {
	/** Interleaved x, y. */
	readonly motion: Float32Array;
	x(index: number): number;
	y(index: number): number;
};

/**
 * The affine motion that most matches follow within `tolerance` pixels, or none at all (zeros)
 * where fewer than a quarter follow any. Random samples come from a fixed sequence.
 */
export function fitAffine(all: Matches, tolerance: number): Affine {
	const matches = thin(all);
	const count = matches.motion.length / 2;
	let best: Affine = [0, 0, 0, 0, 0, 0];
	let bestCount = Math.max(4, count / 4);
	let state = 12345;
	const draw = () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * count);
	};
	for (let round = 0; round < 60; round++) {
		const candidate =
			round % 3 === 0 ? translation(matches, draw()) : solve(matches, [draw(), draw(), draw()]);
		if (candidate === null || !plausible(candidate)) continue;
		const followers = follow(matches, candidate, tolerance).length;
		if (followers > bestCount) {
			bestCount = followers;
			best = candidate;
		}
	}
	for (let round = 0; round < 3; round++) {
		const followers = follow(matches, best, tolerance);
		const refined = followers.length > bestCount * 0.8 ? solve(matches, followers) : null;
		if (refined === null || !plausible(refined)) break;
		best = refined;
	}
	return best;
}

/** Some hundreds of matches tell as much as thousands. */
function thin(matches: Matches): Matches {
	const count = matches.motion.length / 2;
	const step = Math.ceil(count / 600);
	const indices = Array.from({ length: Math.floor(count / step) }, (_, i) => i * step);
	const x = Float32Array.from(indices, (index) => matches.x(index));
	const y = Float32Array.from(indices, (index) => matches.y(index));
	const motion = new Float32Array(indices.length * 2);
	indices.forEach((index, i) => {
		motion.set(matches.motion.subarray(index * 2, index * 2 + 2), i * 2);
	});
	return { motion, x: (index) => x[index]!, y: (index) => y[index]! };
}

function translation(matches: Matches, index: number): Affine {
	return [0, 0, matches.motion[index * 2]!, 0, 0, matches.motion[index * 2 + 1]!];
}

/** Cameras zoom, turn and tilt; they do not fold the picture. */
function plausible([a, b, , d, e]: Affine): boolean {
	return Math.max(Math.abs(a), Math.abs(b), Math.abs(d), Math.abs(e)) < 0.7;
}

function follow(matches: Matches, affine: Affine, tolerance: number): number[] {
	const followers: number[] = [];
	const [a, b, c, d, e, f] = affine;
	for (let index = 0; index < matches.motion.length / 2; index++) {
		const x = matches.x(index);
		const y = matches.y(index);
		const du = a * x + b * y + c - matches.motion[index * 2]!;
		const dv = d * x + e * y + f - matches.motion[index * 2 + 1]!;
		if (du * du + dv * dv < tolerance * tolerance) followers.push(index);
	}
	return followers;
}

/** Least squares over the given matches; null where they do not span the plane. */
function solve(matches: Matches, indices: readonly number[]): Affine | null {
	let mx = 0;
	let my = 0;
	for (const index of indices) {
		mx += matches.x(index) / indices.length;
		my += matches.y(index) / indices.length;
	}
	let [xx, xy, yy, xu, yu, xv, yv, su, sv] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
	for (const index of indices) {
		const x = matches.x(index) - mx;
		const y = matches.y(index) - my;
		const u = matches.motion[index * 2]!;
		const v = matches.motion[index * 2 + 1]!;
		xx += x * x;
		xy += x * y;
		yy += y * y;
		xu += x * u;
		yu += y * u;
		xv += x * v;
		yv += y * v;
		su += u / indices.length;
		sv += v / indices.length;
	}
	const determinant = xx * yy - xy * xy;
	if (determinant < 1e-3 * (xx + yy) || determinant <= 0) return null;
	const a = (yy * xu - xy * yu) / determinant;
	const b = (xx * yu - xy * xu) / determinant;
	const d = (yy * xv - xy * yv) / determinant;
	const e = (xx * yv - xy * xv) / determinant;
	return [a, b, su - a * mx - b * my, d, e, sv - d * mx - e * my];
}
