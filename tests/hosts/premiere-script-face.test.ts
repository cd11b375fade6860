import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileFace } from '../fakes/extendscript/file.ts';
import { inventionsOf, type Member, publishedOf } from '../fakes/extendscript/published.ts';
import * as dom from '../fakes/premiere/script-dom.ts';
import * as items from '../fakes/premiere/script-items.ts';
import * as sequences from '../fakes/premiere/script-sequence.ts';
import * as times from '../fakes/premiere/script-times.ts';

/** The simulated scripts of Premiere have no member that is published nowhere. */

type Beyond = Readonly<
	Record<string, Readonly<Record<string, { takes: number[] | null; from: string }>>>
>;

const path = join(import.meta.dirname, '../fakes/premiere/beyond-typings.json');
const beyond = JSON.parse(readFileSync(path, 'utf8')) as Beyond;
const published = publishedOf('Premiere/24.0');
const listed = new Map<string, string>();
for (const [name, members] of Object.entries(beyond)) {
	const known = published.get(name) ?? { extends: null, members: new Map<string, Member>() };
	for (const [member, { takes, from }] of Object.entries(members)) {
		listed.set(`${name}.${member}`, from);
		known.members.set(member, { takes: takes && [takes[0]!, takes[1]!] });
	}
	published.set(name, known);
}

const CLASSES: Readonly<Record<string, { readonly prototype: object }>> = {
	Application: dom.Application,
	Encoder: dom.Encoder,
	Project: dom.Project,
	ProjectItem: items.ProjectItem,
	Component: items.Component,
	Sequence: sequences.Sequence,
	SequenceSettings: sequences.SequenceSettings,
	Track: sequences.Track,
	TrackItem: sequences.TrackItem,
	QEApplication: sequences.QEApplication,
	QEProject: sequences.QEProject,
	QESequence: sequences.QESequence,
	Time: times.Time,
	TrackCollection: times.TrackCollection,
	TrackItemCollection: times.TrackItemCollection,
	ProjectItemCollection: times.ProjectItemCollection,
	ComponentCollection: times.ComponentCollection,
	SequenceCollection: times.SequenceCollection,
	File: fileFace(() => true),
};

test.each(Object.entries(CLASSES))(
	'simulated %s has what is published, and nothing else',
	(name, face) => {
		expect(inventionsOf(published, name, face)).toEqual([]);
	},
);

test('a transition has nothing that an item on a track has not', () => {
	expect(inventionsOf(published, 'TrackItem', sequences.Fade)).toEqual([]);
});

test('what the typings lack says where it is published, and is in none of them', () => {
	const typings = publishedOf('Premiere/24.0');
	for (const [member, from] of listed) {
		const [name = '', own = ''] = member.split('.');
		expect(from).toMatch(/^[\w-]+(\/[\w-]+| \d)/);
		expect(typings.get(name)?.members.has(own) ?? false).toBe(false);
	}
});

test('what is not published would be found', () => {
	class Sequence {
		overwriteClip(_item: object): void {}
		addTracks(): void {}
	}
	expect(inventionsOf(published, 'Sequence', Sequence)).toEqual([
		'Sequence.overwriteClip takes 4 to 4, not 1',
		'Sequence has no addTracks',
	]);
});

test('the kinds of items are named as in the typings', () => {
	const known = [...published.get('ProjectItemType')!.members.keys()];
	expect(known).toEqual(expect.arrayContaining(Object.keys(items.ProjectItemType)));
});
