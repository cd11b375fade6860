import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Project } from '../fakes/premiere/model.ts';
import { type Member, readTypings, type Typings } from '../fakes/premiere/typings.ts';
import * as face from '../fakes/premiere/uxp.ts';
import * as items from '../fakes/premiere/uxp-items.ts';
import * as locks from '../fakes/premiere/uxp-lock.ts';
import { FILES, systemOf } from '../fakes/premiere/uxp-runtime.ts';
import * as sequences from '../fakes/premiere/uxp-sequence.ts';
import * as times from '../fakes/premiere/uxp-times.ts';

/** The simulated Premiere has no member that Adobe's typings lack. */

/** What each class of it is an instance of, in the typings. */
const CLASSES: Readonly<Record<string, readonly [{ readonly prototype: object }, ...string[]]>> = {
	Project: [face.Project, 'Project'],
	Properties: [face.Properties, 'Properties'],
	ProjectItem: [items.ProjectItem, 'ProjectItem'],
	FolderItem: [items.FolderItem, 'FolderItem'],
	ClipProjectItem: [items.ClipProjectItem, 'ClipProjectItem'],
	Media: [items.Media, 'Media'],
	Component: [items.Component, 'Component'],
	ComponentChain: [items.ComponentChain, 'VideoComponentChain', 'AudioComponentChain'],
	CompoundAction: [locks.CompoundAction, 'CompoundAction'],
	Action: [locks.Action, 'Action'],
	Sequence: [sequences.Sequence, 'Sequence'],
	SequenceSettings: [sequences.SequenceSettings, 'SequenceSettings'],
	SequenceEditor: [sequences.SequenceEditor, 'SequenceEditor'],
	Track: [sequences.Track, 'VideoTrack', 'AudioTrack'],
	TrackItem: [sequences.TrackItem, 'VideoClipTrackItem', 'AudioClipTrackItem'],
	Fade: [sequences.Fade, 'VideoClipTrackItem', 'AudioClipTrackItem'],
	TrackItemSelection: [sequences.TrackItemSelection, 'TrackItemSelection'],
	TickTime: [times.TickTime, 'TickTime'],
	FrameRate: [times.FrameRate, 'FrameRate'],
	Guid: [times.Guid, 'Guid'],
};

let typings: Typings;
beforeAll(async () => {
	typings = await readTypings();
});

it('the typings were understood', () => {
	expect(typings.types.size).toBeGreaterThan(80);
	expect(typings.types.get('Project')?.get('importFiles')).toEqual({
		kind: 'method',
		arguments: 4,
		isPromise: true,
	});
	expect(typings.types.get('Project')?.get('executeTransaction')).toEqual({
		kind: 'method',
		arguments: 2,
		isPromise: false,
	});
	expect(typings.types.get('VideoTrack')?.get('getTrackItems')).toMatchObject({
		isPromise: false,
		arguments: 2,
	});
	expect(typings.types.get('TickTime')?.get('ticks')).toEqual({ kind: 'property' });
	expect(typings.enums.get('TrackItemType')?.[2]).toBe('TRANSITION');
});

it('a member that is invented is found', () => {
	const type = typings.types.get('Project')!;
	const invented = { undo() {}, async lockedAccess() {}, save(_path: string) {}, name() {} };
	expect(wrongIn(invented, type)).toEqual([
		'undo is not there',
		'lockedAccess gives a promise',
		'save takes 0',
		'save gives no promise',
		'name is a property',
	]);
});

describe.each(Object.entries(CLASSES))('%s', (_name, [of, ...names]) => {
	it.each(names)('has nothing that %s has not', (name) => {
		const type = typings.types.get(name) ?? new Map();
		for (
			let proto = of.prototype;
			proto !== Object.prototype;
			proto = Object.getPrototypeOf(proto)
		) {
			expect(wrongIn(proto, type)).toEqual([]);
		}
	});
});

it('the module has nothing that require("premierepro") has not', () => {
	const module: Readonly<Record<string, object>> = face.premiereOver(new Project('Film'));
	const wrong = Object.entries(module).flatMap(([name, half]) => {
		const type = typings.module.get(name);
		if (name === 'Constants') return wrongEnums(half as Record<string, object>);
		const members = typings.types.get(type ?? '');
		return members ? wrongIn(half, members).map((each) => `${name}.${each}`) : [name];
	});
	expect(wrong).toEqual([]);
});

it('of UXP itself the simulated one has nothing that its typings have not', async () => {
	const path = '../../node_modules/@adobe/cc-ext-uxp-types/uxp/index.d.ts';
	const text = await readFile(join(import.meta.dirname, path), 'utf8');
	const lacks = (name: string, names: readonly string[]) => {
		const [, body = ''] = new RegExp(`class ${name} \\{([\\s\\S]*?)\\n    \\}`).exec(text) ?? [];
		return names.filter((each) => !new RegExp(`\\s${each}\\(`).test(body));
	};
	expect(lacks('fs', Object.keys(FILES))).toEqual([]);
	expect(lacks('OS', Object.keys(systemOf('', 'darwin')))).toEqual([]);
	expect(lacks('Shell', ['openExternal'])).toEqual([]);
	expect(lacks('EntryPoints', ['setup'])).toEqual([]);
	expect(lacks('OS', ['hostname'])).toEqual(['hostname']);
});

function wrongIn(of: object, type: ReadonlyMap<string, Member>): readonly string[] {
	return Object.entries(Object.getOwnPropertyDescriptors(of)).flatMap(([name, { value }]) => {
		if (name === 'constructor' || isPrivate(name)) return [];
		const member = type.get(name);
		if (!member) return [`${name} is not there`];
		if (typeof value !== 'function')
			return member.kind === 'property' ? [] : [`${name} is a method`];
		if (member.kind === 'property') return [`${name} is a property`];
		const wrong: string[] = [];
		if (value.length > member.arguments) wrong.push(`${name} takes ${member.arguments}`);
		const isPromise = value.constructor.name === 'AsyncFunction';
		if (isPromise !== member.isPromise) {
			wrong.push(`${name} gives ${isPromise ? 'a' : 'no'} promise`);
		}
		return wrong;
	});
}

/** The doubles' own way to their model. */
function isPrivate(name: string): boolean {
	return name === 'model';
}

function wrongEnums(constants: Readonly<Record<string, object>>): readonly string[] {
	return Object.entries(constants).flatMap(([name, values]) =>
		Object.keys(values)
			.filter((each) => !typings.enums.get(name)?.includes(each))
			.map((each) => `Constants.${name}.${each}`),
	);
}
