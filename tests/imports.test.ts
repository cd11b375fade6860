import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = [
	'protocol',
	'host-bridge',
	'files',
	'gpu',
	'plugin',
	'inference-daemon',
	'cli',
	'demo',
];

/** What each of the product's files imports of the others, types too; by paths from the root. */
const imports = new Map<string, readonly string[]>();
beforeAll(async () => {
	for (const room of ROOMS) {
		for (const name of await readdir(join(ROOT, room), { recursive: true })) {
			if (!/\.tsx?$/.test(name) || name.endsWith('.assembly.ts')) continue;
			const path = join(ROOT, room, name);
			const text = await readFile(path, 'utf8');
			const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+\.tsx?)'/g)];
			const targets = found.map(([, target]) => join(dirname(path), target!));
			imports.set(
				relative(ROOT, path),
				targets.map((target) => relative(ROOT, target)),
			);
		}
	}
});

it('no file imports itself, not through others either', () => {
	const done = new Set<string>();
	const circles: string[] = [];
	const visit = (path: string, trail: readonly string[]) => {
		if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
		if (done.has(path) || trail.includes(path)) return;
		for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
		done.add(path);
	};
	for (const path of imports.keys()) visit(path, []);
	expect(circles).toEqual([]);
});

it('imports point one way between the rooms', () => {
	const allowed: Readonly<Record<string, readonly string[]>> = {
		protocol: ['protocol'],
		files: ['files', 'protocol'],
		gpu: ['gpu', 'files', 'protocol'],
		'host-bridge': ['host-bridge', 'files', 'protocol'],
		plugin: ['plugin', 'host-bridge', 'protocol'],
		weights: ['weights', 'files', 'protocol'],
		'inference-daemon': ['inference-daemon', 'weights', 'host-bridge', 'files', 'gpu', 'protocol'],
		cli: ['cli', 'weights', 'host-bridge', 'files', 'gpu', 'protocol'],
	};
	const weights = join('inference-daemon', 'engines', 'ltx2', 'weights') + sep;
	const roomOf = (path: string) => (path.startsWith(weights) ? 'weights' : path.split(/[\\/]/)[0]!);
	const wrong = [...imports].flatMap(([path, targets]) =>
		targets
			.filter((target) => !(allowed[roomOf(path)] ?? ROOMS).includes(roomOf(target)))
			.map((target) => `${path} imports ${target}`),
	);
	expect(wrong).toEqual([]);
});

it('the panel takes of the host-bridge what is pure: gaps, places and what they are made of', () => {
	const pure = ['gap', 'host', 'placement'].map((name) => join('host-bridge', `${name}.ts`));
	const wrong = [...imports].flatMap(([path, targets]) =>
		path.startsWith(`plugin${sep}`)
			? targets.filter((target) => target.startsWith('host-bridge') && !pure.includes(target))
			: [],
	);
	expect(wrong).toEqual([]);
});

it('what the panel knows does not depend on how it is drawn', () => {
	const state = join('plugin', 'state');
	const drawn = [join('plugin', 'views'), join('plugin', 'main')];
	const wrong = [...imports].flatMap(([path, targets]) =>
		path.startsWith(state)
			? targets.filter((target) => drawn.some((room) => target.startsWith(room)))
			: [],
	);
	expect(wrong).toEqual([]);
});
