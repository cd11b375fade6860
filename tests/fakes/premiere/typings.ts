import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A member of a type in Adobe's typings. */
export type Member =
	| { readonly kind: 'property' }
	| { readonly kind: 'method'; readonly arguments: number; readonly isPromise: boolean };

/** The types of `@adobe/premierepro`, and the names in its enumerations. */
export type Typings = {
	readonly types: ReadonlyMap<string, ReadonlyMap<string, Member>>;
	readonly enums: ReadonlyMap<string, readonly string[]>;
	/** Which type `require('premierepro')` has under a name. */
	readonly module: ReadonlyMap<string, string>;
};

const DECLARATIONS = join(
	import.meta.dirname,
	'../../../node_modules/@adobe/premierepro/src/premierepro.d.ts',
);

/** Reads the declarations: they are written by a formatter, one member after the other. */
export async function readTypings(): Promise<Typings> {
	const text = await readFile(DECLARATIONS, 'utf8');
	const plain = text.replace(/\/\*[\s\S]*?\*\//g, '');
	const types = new Map<string, ReadonlyMap<string, Member>>();
	for (const [, name = '', body = ''] of plain.matchAll(
		/export declare type (\w+) = (?:\{\};|\{\n([\s\S]*?)\n\};)/g,
	)) {
		types.set(name, membersOf(body));
	}
	const enums = new Map<string, readonly string[]>();
	for (const [, name = '', body = ''] of plain.matchAll(/export enum (\w+) \{([\s\S]*?)\}/g)) {
		enums.set(
			name,
			[...body.matchAll(/(\w+),/g)].map(([, each = '']) => each),
		);
	}
	const [, module = ''] = /type premierepro = \{([\s\S]*?)\n\};/.exec(plain) ?? [];
	return {
		types,
		enums,
		module: new Map([...module.matchAll(/(\w+): (\w+);/g)].map(([, a = '', b = '']) => [a, b])),
	};
}

function membersOf(body: string): ReadonlyMap<string, Member> {
	const members = new Map<string, Member>();
	const flat = body.replace(/\s+/g, ' ');
	// A method's arguments may be functions and lists of choices themselves.
	const pattern =
		/(?:readonly )?(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?\??: ([^;{]*(?:\{[^}]*\}[^;]*)?);/g;
	for (const [, name = '', parameters, type = ''] of flat.matchAll(pattern)) {
		members.set(
			name,
			parameters === undefined
				? { kind: 'property' }
				: {
						kind: 'method',
						arguments: countOf(parameters),
						isPromise: type.startsWith('Promise<'),
					},
		);
	}
	return members;
}

function countOf(parameters: string): number {
	let depth = 0;
	let count = parameters.trim() === '' ? 0 : 1;
	for (const character of parameters.replace(/=>/g, '')) {
		if ('(<{['.includes(character)) depth++;
		if (')>}]'.includes(character)) depth--;
		if (character === ',' && depth === 0) count++;
	}
	return count;
}
