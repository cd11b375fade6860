import { parseXml, XmlElement, type XmlNode } from '@rgrove/parse-xml';
import { type Node, parseTree } from 'jsonc-parser';

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export type Random = () => number;

export function randomFrom(seed: number): Random {
	let state = (seed * 0x9e3779b9) >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let bits = Math.imul(state ^ (state >>> 15), state | 1);
		bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
		return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Ways to damage a timeline, each from the bytes of a whole one. */
export const MUTATIONS: Readonly<Record<string, (bytes: Buffer, random: Random) => Buffer>> = {
	'flipped bytes': flipBytes,
	'cut off': (bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
	'a piece missing': (bytes, random) => {
		const [start, end] = slice(bytes, random);
		return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
	},
	'a piece twice': (bytes, random) => {
		const [start, end] = slice(bytes, random);
		return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
	},
	'an element missing': onText((text, random) => {
		const { start, end } = pick(partsOf(text), random);
		return text.slice(0, start) + text.slice(end);
	}),
	'an element twice': onText((text, random) => {
		const { start, end, comma } = pick(partsOf(text), random);
		return text.slice(0, end) + comma + text.slice(start, end) + text.slice(end);
	}),
	'two elements swapped': onText((text, random) => {
		const parts = partsOf(text);
		const [a, b] = [pick(parts, random), pick(parts, random)].sort((x, y) => x.start - y.start);
		if (!a || !b || a.end > b.start) return text.slice(a?.start);
		const [first, second] = [text.slice(a.start, a.end), text.slice(b.start, b.end)];
		return text.slice(0, a.start) + second + text.slice(a.end, b.start) + first + text.slice(b.end);
	}),
	'an odd number': onText((text, random) => {
		const numbers = [...text.matchAll(/-?\d+(?:\.\d+)?/g)];
		const number = pick(numbers, random);
		return replaced(text, number.index, number[0].length, pick(ODD_NUMBERS, random));
	}),
	'several odd numbers': onText((text, random) =>
		text.replaceAll(/(?<=[>"\s:])-?\d+(?:\.\d+)?(?=[<"\s,])/g, (number) =>
			random() < 0.05 ? pick(ODD_NUMBERS, random) : number,
		),
	),
	'an odd value': onText((text, random) => {
		const { start, end } = pick(leavesOf(text), random);
		return replaced(text, start, end - start, pick(ODD_VALUES, random));
	}),
	'names exchanged': onText((text, random) => {
		const names = [...new Set(text.match(/(?<=<\/?)[a-z]\w*|(?<=")\w+(?=":)|(?<=")[A-Z]\w+\.\d/g))];
		const [from, to] = [pick(names, random), pick(names, random)];
		const all = random() < 0.5;
		let done = false;
		return text.replaceAll(new RegExp(`(?<=["</])${from}(?=[\\s">/])`, 'g'), (name) => {
			if (done && !all) return name;
			done = true;
			return to;
		});
	}),
	'deep nesting': onText((text, random) => {
		const { start } = pick(partsOf(text), random);
		const depth = pick([50, 300, 20_000], random);
		const [open, close] = /^\s*[{[]/.test(text) ? ['[', ']'] : ['<track>', '</track>'];
		const nest = open.repeat(depth) + close.repeat(depth);
		const comma = open === '[' ? ',' : '';
		return text.slice(0, start) + nest + comma + text.slice(start);
	}),
};

const ODD_NUMBERS = [
	...['', '-1', '0', '-0', 'NaN', '-Infinity', '1e999', '1e-320', '0.5', '99999999999999999999'],
	...['2147483648', '-2147483649', '9007199254740993', '1e15', '0x10', '٣', '1,5', ' 7 ', '7;8'],
	...['23.976', '00:00:99.999', '00:00:00,04', '1/0', 'true', '10'],
];

const ODD_VALUES = [
	'',
	' ',
	'null',
	'[]',
	'{}',
	'""',
	'"x"',
	'&bogus;',
	'<a/>',
	'\u0000',
	'😀',
	'-5',
];

type Part = { readonly start: number; readonly end: number; readonly comma: string };

/** Whole XML elements, or JSON properties and array items without their commas. */
function partsOf(text: string): readonly Part[] {
	return walk(text).filter((part) => part.end > part.start);
}

/** Text of elements and values of attributes, or JSON values that hold no others. */
function leavesOf(text: string): readonly Part[] {
	if (/^\s*[{[]/.test(text)) {
		return jsonNodes(text)
			.filter((node) => node.children === undefined)
			.map((node) => ({ start: node.offset, end: node.offset + node.length, comma: ',' }));
	}
	return [...text.matchAll(/(?<=>)[^<>]*(?=<\/)|(?<==")[^"]*(?=")/g)].map((match) => ({
		start: match.index,
		end: match.index + match[0].length,
		comma: '',
	}));
}

function walk(text: string): readonly Part[] {
	if (/^\s*[{[]/.test(text)) {
		return jsonNodes(text)
			.filter((node) => node.type === 'property' || node.parent?.type === 'array')
			.map((node) => ({ start: node.offset, end: node.offset + node.length, comma: ',' }));
	}
	const found: Part[] = [];
	const visit = (node: XmlNode) => {
		if (!(node instanceof XmlElement)) return;
		found.push({ start: node.start, end: node.end, comma: '' });
		for (const child of node.children) visit(child);
	};
	for (const node of parseXml(text, { includeOffsets: true }).children) visit(node);
	return found;
}

function jsonNodes(text: string): readonly Node[] {
	const found: Node[] = [];
	const waiting = [parseTree(text)];
	for (let node = waiting.pop(); node; node = waiting.pop()) {
		found.push(node);
		waiting.push(...(node.children ?? []));
	}
	return found;
}

function flipBytes(bytes: Buffer, random: Random): Buffer {
	const result = Buffer.from(bytes);
	const count = 1 + Math.floor(random() * 4);
	for (let flip = 0; flip < count; flip += 1) {
		const at = Math.floor(random() * result.length);
		result.writeUInt8(result.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
	}
	return result;
}

function slice(bytes: Buffer, random: Random): readonly [number, number] {
	const start = Math.floor(random() * bytes.length);
	return [start, Math.min(bytes.length, start + 1 + Math.floor(random() * 200))];
}

function onText(change: (text: string, random: Random) => string) {
	return (bytes: Buffer, random: Random) => Buffer.from(change(bytes.toString('utf8'), random));
}

function replaced(text: string, start: number, length: number, by: string): string {
	return text.slice(0, start) + by + text.slice(start + length);
}

function pick<T>(list: readonly T[], random: Random): T {
	const found = list[Math.floor(random() * list.length)];
	if (found === undefined) throw new Error('Nothing to choose from');
	return found;
}
