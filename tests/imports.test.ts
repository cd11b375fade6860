import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['protocol', 'host-bridge', 'files', 'inference-daemon', 'cli', 'demo'];

/** What each of the product's files imports of the others, types too; by paths from the root. */
const imports = new Map<string, readonly string[]>();
beforeAll(async () => {
	for (const room of ROOMS) {
		for (const name of await readdir(join(ROOT, room), { recursive: true })) {
			if (!name.endsWith('.ts') || name.endsWith('.assembly.ts')) continue;
			const path = join(ROOT, room, name);
			const text = await readFile(path, 'utf8');
			const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g)];
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
		'host-bridge': ['host-bridge', 'files', 'protocol'],
		'inference-daemon': ['inference-daemon', 'host-bridge', 'files', 'protocol'],
		cli: ['cli', 'host-bridge', 'files', 'protocol'],
	};
	const roomOf = (path: string) => path.split(/[\\/]/)[0]!;
	const wrong = [...imports].flatMap(([path, targets]) =>
		targets
			.filter((target) => !(allowed[roomOf(path)] ?? ROOMS).includes(roomOf(target)))
			.map((target) => `${path} imports ${target}`),
	);
	expect(wrong).toEqual([]);
});
