import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnyNode, type Node, parse } from 'acorn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildExtendScript, es3Of } from '../../scripts/build-extendscript.mjs';
import { openEngine } from '../fakes/extendscript/engine.ts';

let folder: string;
const scripts = new Map<string, string>();

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-jsx-'));
	for (const name of await buildExtendScript({ folder })) {
		scripts.set(name, await readFile(join(folder, name), 'utf8'));
	}
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What runs in no engine of 1999, or is taken wrongly there. */
function faultsOf(script: string): readonly string[] {
	const tree = parse(script, { ecmaVersion: 3, sourceType: 'script', preserveParens: true });
	const faults = nodesOf(tree).flatMap((node) => {
		const fault = faultOf(node as AnyNode);
		return fault === null ? [] : [`${fault}: ${script.slice(node.start, node.end).slice(0, 80)}`];
	});
	if (/[^\n\t\x20-\x7e]/.test(script)) faults.push('other than ASCII');
	return faults;
}

const LATER =
	/^(map|forEach|filter|reduce|some|every|trim|bind|keys|values|entries|create|assign|defineProperty|includes|startsWith|endsWith|padStart|repeat|find|findIndex|flat|now|isArray)$/;

function isNamed(node: AnyNode, name: string): boolean {
	if (node.type === 'MemberExpression') return isNamed(node.property, name);
	return node.type === 'Identifier' && node.name === name;
}

function faultOf(node: AnyNode): string | null {
	switch (node.type) {
		case 'MemberExpression': {
			const { object, property } = node;
			// Media Encoder's has the name of a function's own method.
			if (isNamed(object, 'encoder') && isNamed(property, 'bind')) return null;
			return property.type === 'Identifier' && !node.computed && LATER.test(property.name)
				? 'later than ES3'
				: null;
		}
		case 'Identifier':
			return /^(JSON|Promise|Map|Set|Symbol|globalThis|console|setTimeout)$/.test(node.name)
				? 'not there'
				: null;
		case 'ConditionalExpression':
			// ExtendScript takes `a ? b : c ? d : e` for `(a ? b : c) ? d : e`.
			return [node.consequent, node.alternate].some(({ type }) => type === node.type)
				? 'a condition in a condition'
				: null;
		case 'LogicalExpression':
			// ExtendScript takes `a || b && c` for `(a || b) && c`.
			return node.operator === '||' && isAnd(node.right) ? 'an and behind an or' : null;
		default:
			return null;
	}
}

function isAnd(node: AnyNode): boolean {
	return node.type === 'LogicalExpression' && node.operator === '&&';
}

function nodesOf(node: Node): readonly Node[] {
	const inside = Object.values(node).flat() as readonly (Partial<Node> | null)[];
	return [
		node,
		...inside
			.filter((each) => typeof each?.type === 'string')
			.flatMap((each) => nodesOf(each as Node)),
	];
}

test('every script is ES3 and leans on nothing that came later', () => {
	expect([...scripts.keys()]).toContain('after-effects.jsx');
	for (const script of scripts.values()) expect(faultsOf(script)).toEqual([]);
});

test.each([
	['var a = b || c && d;', 'an and behind an or'],
	['var a = b ? c : d ? e : f;', 'a condition in a condition'],
	['var a = [].map(b);', 'later than ES3'],
	['var a = b.bind(c);', 'later than ES3'],
])('%s is no script for it', (script, fault) => {
	expect(faultsOf(script)).toEqual([expect.stringContaining(fault)]);
});

test.each(['var a = b || (c && d);', 'var a = b && c || d;', 'var a = b ? c : (d ? e : f);'])(
	'%s is one',
	(script) => {
		expect(faultsOf(script)).toEqual([]);
	},
);

test('every script loads in an engine that has the builtins of ES3 alone', () => {
	for (const script of scripts.values()) {
		const engine = openEngine();
		engine.global.$ = { global: engine.global };
		expect(() => engine.run(script)).not.toThrow();
	}
});

test('that engine has no more than ES3', () => {
	const engine = openEngine();
	for (const later of [
		...['JSON', 'Promise', 'Map', 'Set', 'Symbol', 'Proxy', 'globalThis', 'console', 'WeakMap'],
		...['[].map', '[].forEach', '[].indexOf', '[].filter', '"".trim', '"".padStart', 'Date.now'],
		...['Object.keys', 'Object.create', 'Object.defineProperty', 'Object.assign', 'Array.isArray'],
		...['Function.prototype.bind', 'String.prototype.at', 'Number.isInteger', 'Math.trunc'],
	]) {
		expect(`${later} ${engine.run(`typeof ${later}`)}`).toBe(`${later} undefined`);
	}
});

describe('JSON from a script', () => {
	const SAMPLES = [
		...[null, true, false, 0, -1.5, 1e-7, 1e21, '', 'plain', [], {}, [[[]]]],
		'quote " backslash \\ slash / tab \t newline \n return \r nul \u0000 escape \u001b delete \u007f',
		'paragraph \u2029 line \u2028 high \ud83d\ude00 half \ud83d ü 日本 \uffff',
		{ 'a "key"': [1, { b: null }], class: 'reserved', '': 2, hasOwn: 'x' },
	];

	test.each(SAMPLES.map((value) => [JSON.stringify(value), value] as const))(
		'reads as what it was: %s',
		async (_name, value) => {
			const written = (await writer())(value);
			expect(JSON.parse(written)).toEqual(value);
			expect(written).toMatch(/^[\x20-\x7e]*$/);
		},
	);

	test('what JSON lacks is null, and what is undefined is left out', async () => {
		const write = await writer();
		expect(write([Number.NaN, Number.POSITIVE_INFINITY, undefined])).toBe('[null,null,null]');
		expect(write({ a: undefined, b: 1 })).toBe('{"b":1}');
	});

	/** `jsonOf` as it runs in the engine. What it is given there was made there. */
	async function writer(): Promise<(value: unknown) => string> {
		const contents = `import { jsonOf } from './host-bridge/extendscript/json.ts';\n$.global.jsonOf = jsonOf;`;
		const root = join(import.meta.dirname, '../..');
		const script = await es3Of({ stdin: { contents, resolveDir: root, loader: 'ts' } });
		const engine = openEngine();
		engine.global.$ = { global: engine.global };
		engine.run(script);
		return (value) => engine.run(`jsonOf(${literal(value)})`) as string;
	}

	function literal(value: unknown): string {
		if (value === undefined) return 'undefined';
		if (typeof value === 'number') return String(value);
		if (Array.isArray(value)) return `[${value.map(literal).join(',')}]`;
		if (typeof value !== 'object' || value === null) {
			return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
		}
		return `{${Object.entries(value)
			.map(([key, each]) => `${JSON.stringify(key)}:${literal(each)}`)
			.join(',')}}`;
	}
});
