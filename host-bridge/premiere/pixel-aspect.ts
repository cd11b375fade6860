import { type Rational, rational } from '../../protocol/time.ts';

/** Shapes that Premiere shows rounded, exactly: those of SD, and of the anamorphic formats. */
const KNOWN: readonly (readonly [number, Rational])[] = [
	[1, { num: 1, den: 1 }],
	[0.9091, { num: 10, den: 11 }],
	[1.2121, { num: 40, den: 33 }],
	[1.094, { num: 128, den: 117 }],
	[1.4587, { num: 512, den: 351 }],
	[2, { num: 2, den: 1 }],
	[1.3333, { num: 4, den: 3 }],
	[1.5, { num: 3, den: 2 }],
];

/** Premiere says it as text, `1:1` or `Square Pixels (1.0)`; what is no shape is taken for square, and said. */
export function pixelAspectOf(text: string): { aspect: Rational; note: string | null } {
	// A name may have the shape of the picture in it; that of the pixels is in brackets then.
	const parts = /^\s*(\d+)\s*[:/]\s*(\d+)\s*$/.exec(text);
	if (parts && Number(parts[2]) > 0 && Number(parts[1]) > 0) {
		return { aspect: rational(Number(parts[1]), Number(parts[2])), note: null };
	}
	const value = Number(/\d+(\.\d+)?(?!.*\d)/.exec(text)?.[0]);
	const known = KNOWN.find(([shape]) => Math.abs(shape - value) < 0.001);
	if (known) return { aspect: known[1], note: null };
	return {
		aspect: { num: 1, den: 1 },
		note: `Premiere calls the shape of the pixels “${text}”: they are taken for square.`,
	};
}
