import { expect, test } from 'vitest';
import { domOf } from '../../fakes/after-effects/dom.ts';
import { AfterEffects } from '../../fakes/after-effects/program.ts';
import { openEngine } from '../../fakes/extendscript/engine.ts';
import { fileFace } from '../../fakes/extendscript/file.ts';
import { inventionsOf, publishedOf } from '../../fakes/extendscript/published.ts';

const published = publishedOf('AfterEffects/26.0');

const globals: Readonly<Record<string, unknown>> = {
	...domOf(new AfterEffects(), openEngine()),
	File: fileFace(() => true),
};
const classes = Object.entries(globals).filter(
	(entry): entry is [string, { prototype: object }] => typeof entry[1] === 'function',
);

test.each(classes)('simulated %s has what is published, and nothing else', (name, face) => {
	expect(inventionsOf(published, name, face)).toEqual([]);
});

test('what is not published would be found', () => {
	class CompItem {
		get activeCam(): number {
			return 0;
		}
		saveFrameToPng(_time: number): void {}
		numLayers(): void {}
	}
	expect(inventionsOf(published, 'CompItem', CompItem)).toEqual([
		'CompItem has no activeCam',
		'CompItem.saveFrameToPng takes 2 to 2, not 1',
		'CompItem.numLayers is another kind',
	]);
	expect(classes.map(([name]) => name)).toEqual(
		expect.arrayContaining(['CompItem', 'AVLayer', 'LayerCollection', 'Project', 'Application']),
	);
});

test('a class of the simulator stands under what the published one stands under', () => {
	const wrong = classes.flatMap(([name, face]) => {
		const above = Object.getPrototypeOf(face) as { readonly name: string };
		if (!above.name || above.name === 'Object') return [];
		for (let at = published.get(name)?.extends; at; at = published.get(at)?.extends ?? null) {
			if (at === above.name) return [];
		}
		return [`${name} under ${above.name}`];
	});
	expect(wrong).toEqual([]);
});
