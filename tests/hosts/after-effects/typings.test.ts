import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ts } from '@ts-morph/common';
import { expect, test } from 'vitest';
import { domOf } from '../../fakes/after-effects/dom.ts';
import { AfterEffects } from '../../fakes/after-effects/program.ts';
import { openEngine } from '../../fakes/extendscript/engine.ts';
import { fileFace } from '../../fakes/extendscript/file.ts';

/** A member as the published typings have it; of a method the least and the most that it takes. */
type Published = { readonly takes: readonly [least: number, most: number] | null };

type PublishedClass = { readonly extends: string | null; readonly members: Map<string, Published> };

const folder = dirname(createRequire(import.meta.url).resolve('types-for-adobe/package.json'));
const published = new Map<string, PublishedClass>();
for (const name of ['AfterEffects/26.0/index.d.ts', 'shared/JavaScript.d.ts']) {
	const path = join(folder, name);
	const text = ts.sys.readFile(path)!;
	const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
	for (const each of file.statements) {
		if (ts.isClassDeclaration(each) || ts.isInterfaceDeclaration(each)) note(each);
	}
}

function note(declared: ts.ClassDeclaration | ts.InterfaceDeclaration): void {
	const name = declared.name!.text;
	const base = declared.heritageClauses?.[0]?.types[0]?.expression;
	const known = published.get(name);
	const members = known?.members ?? new Map<string, Published>();
	for (const member of declared.members) {
		if (!member.name || !ts.isIdentifier(member.name)) continue;
		const called = member.name.text;
		if (ts.isPropertyDeclaration(member) || ts.isPropertySignature(member)) {
			members.set(called, { takes: null });
		} else if (ts.isMethodDeclaration(member) || ts.isMethodSignature(member)) {
			const most = member.parameters.length;
			const least = member.parameters.filter((each) => !each.questionToken).length;
			const before = members.get(called)?.takes ?? [least, most];
			const takes = [Math.min(before[0], least), Math.max(before[1], most)] as const;
			members.set(called, { takes });
		}
	}
	const above = base && ts.isIdentifier(base) ? base.text : (known?.extends ?? null);
	published.set(name, { extends: above, members });
}

function publishedMember(className: string, member: string): Published | undefined {
	for (let at: string | null = className; at !== null; ) {
		const found: PublishedClass | undefined = published.get(at);
		const known = found?.members.get(member);
		if (known) return known;
		at = found?.extends ?? null;
	}
	return undefined;
}

/** A class of the simulator has nothing that the published one lacks, and takes no more. */
function inventionsOf(name: string, face: { readonly prototype: object }): readonly string[] {
	if (!published.has(name)) return [`there is no ${name}`];
	return Object.entries(Object.getOwnPropertyDescriptors(face.prototype)).flatMap(
		([member, { value }]) => {
			if (member === 'constructor') return [];
			const known = publishedMember(name, member);
			if (!known) return [`${name} has no ${member}`];
			const isMethod = typeof value === 'function';
			if (isMethod !== (known.takes !== null)) return [`${name}.${member} is another kind`];
			if (!isMethod) return [];
			const [least, most] = known.takes!;
			const takes = (value as (...given: unknown[]) => unknown).length;
			return least <= takes && takes <= most
				? []
				: [`${name}.${member} takes ${least} to ${most}, not ${takes}`];
		},
	);
}

const globals: Readonly<Record<string, unknown>> = {
	...domOf(new AfterEffects(), openEngine()),
	File: fileFace(() => true),
};
const classes = Object.entries(globals).filter(
	(entry): entry is [string, { prototype: object }] => typeof entry[1] === 'function',
);

test.each(classes)('simulated %s has what is published, and nothing else', (name, face) => {
	expect(inventionsOf(name, face)).toEqual([]);
});

test('what is not published would be found', () => {
	class CompItem {
		get activeCam(): number {
			return 0;
		}
		saveFrameToPng(_time: number): void {}
		numLayers(): void {}
	}
	expect(inventionsOf('CompItem', CompItem)).toEqual([
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
