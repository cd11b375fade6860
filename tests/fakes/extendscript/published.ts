import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ts } from '@ts-morph/common';

/** A member as the published typings have it; of a method the least and the most that it takes. */
export type Member = { readonly takes: readonly [least: number, most: number] | null };

export type PublishedClass = {
	readonly extends: string | null;
	readonly members: Map<string, Member>;
};

export type Published = Map<string, PublishedClass>;

/** What `types-for-adobe` publishes of an editor: `editor` is as `AfterEffects/26.0`. */
export function publishedOf(editor: string): Published {
	const folder = dirname(createRequire(import.meta.url).resolve('types-for-adobe/package.json'));
	const published: Published = new Map();
	for (const name of [`${editor}/index.d.ts`, 'shared/JavaScript.d.ts']) {
		const path = join(folder, name);
		const text = ts.sys.readFile(path)!;
		const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
		for (const each of file.statements) {
			if (ts.isClassDeclaration(each) || ts.isInterfaceDeclaration(each)) note(published, each);
		}
	}
	return published;
}

function note(published: Published, declared: ts.ClassDeclaration | ts.InterfaceDeclaration): void {
	const name = declared.name!.text;
	const base = declared.heritageClauses?.[0]?.types[0]?.expression;
	const known = published.get(name);
	const members = known?.members ?? new Map<string, Member>();
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

function publishedMember(
	published: Published,
	className: string,
	member: string,
): Member | undefined {
	for (let at: string | null = className; at !== null; ) {
		const found: PublishedClass | undefined = published.get(at);
		const known = found?.members.get(member);
		if (known) return known;
		at = found?.extends ?? null;
	}
	return undefined;
}

/** A class of the simulator has nothing that the published one lacks, and takes no more. */
export function inventionsOf(
	published: Published,
	name: string,
	face: { readonly prototype: object },
): readonly string[] {
	if (!published.has(name)) return [`there is no ${name}`];
	return Object.entries(Object.getOwnPropertyDescriptors(face.prototype)).flatMap(
		([member, { value }]) => {
			if (member === 'constructor') return [];
			const known = publishedMember(published, name, member);
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
