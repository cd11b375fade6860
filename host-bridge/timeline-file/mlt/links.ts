import { endOf, sourceOf, type XmlElement } from '../xml.ts';
import { property, propertyElement } from './document.ts';
import type { MltEdit } from './edit.ts';
import type { MltSequence } from './sequence.ts';
import type { NewTracks } from './tracks.ts';

/** A clip as Kdenlive's groups name it. */
export type ClipPosition = { readonly position: number; readonly start: number };

/**
 * Keeps Kdenlive's own notes about a sequence true: which clips are linked, which tracks are
 * targets and how many there are.
 */
export function updateKdenliveProperties(
	edit: MltEdit,
	sequence: MltSequence,
	tracks: NewTracks,
	placed: readonly ClipPosition[],
): void {
	const { owner, prefix, base } = notesOf(sequence);
	if (!owner) return;
	const moved = (track: number) => (track < 0 ? track : tracks.moved(track + base) - base);
	const links = placed.map(({ position, start }) => `${position - base}:${start}`);
	updateGroups(edit, owner, `${prefix}groups`, moved, links);
	const update = (name: string, change: (value: number) => number) => {
		const value = property(owner, prefix + name) ?? '';
		if (!/^\d{1,4}$/.test(value) || change(Number(value)) === Number(value)) return;
		edit.setProperty(owner, prefix + name, String(change(Number(value))));
	};
	for (const name of ['activeTrack', 'audioTarget', 'videoTarget']) update(name, moved);
	for (const name of ['tracks', 'tracksCount']) {
		update(name, (count) => count + tracks.added.video + tracks.added.audio);
	}
	if (tracks.added.audio > 0) update('hasAudio', () => 1);
	if (tracks.added.video > 0) update('hasVideo', () => 1);
}

/** Takes a clip out of Kdenlive's groups; a group of one is none. */
export function ungroup(edit: MltEdit, sequence: MltSequence, clip: ClipPosition): void {
	const { owner, prefix, base } = notesOf(sequence);
	const name = `${prefix}groups`;
	const before = owner && parseGroups(property(owner, name) ?? '');
	if (!owner || !before) return;
	const after = before.flatMap((group) => without(group, `${clip.position - base}:${clip.start}`));
	if (JSON.stringify(after) !== JSON.stringify(before)) {
		edit.setProperty(owner, name, JSON.stringify(after));
	}
}

function without(node: unknown, gone: string, depth = 0): unknown[] {
	if (typeof node !== 'object' || node === null || depth > 50) return [node];
	const { data, children } = node as Group;
	if (data === gone) return [];
	if (!Array.isArray(children)) return [node];
	const left = children.flatMap((inner) => without(inner, gone, depth + 1));
	if (left.length === children.length) return [{ ...node, children: left }];
	return left.length > 1 ? [{ ...node, children: left }] : depth > 0 ? left : [];
}

/** Where Kdenlive keeps its notes about a sequence, and from which track on it counts. */
function notesOf({ document, element, background }: MltSequence) {
	const inSequence = property(element, 'kdenlive:uuid') !== undefined;
	return {
		owner: inSequence ? element : document.bin,
		prefix: inSequence ? 'kdenlive:sequenceproperties.' : 'kdenlive:docproperties.',
		base: background ? 1 : 0,
	};
}

type Group = {
	readonly data?: unknown;
	readonly children?: unknown;
};

/** Groups name clips as `track:frame`; picture and sound of one clip are a group of two. */
function updateGroups(
	edit: MltEdit,
	owner: XmlElement,
	name: string,
	moved: (track: number) => number,
	links: readonly string[],
): void {
	const old = propertyElement(owner, name);
	if (old && sourceOf(old).slice(old.start, endOf(old)).includes('--')) return;
	const before = parseGroups(property(owner, name) ?? '');
	if (before === null) return;
	const after = before.map((group) => renumber(group, moved));
	if (links.length === 2) {
		const leaves = links.map((data) => ({ data, leaf: 'clip', type: 'Leaf' }));
		after.push({ children: leaves, type: 'AVSplit' });
	}
	if (JSON.stringify(after) === JSON.stringify(before)) return;
	edit.setProperty(owner, name, `${JSON.stringify(after)}`);
}

function parseGroups(text: string): unknown[] | null {
	if (text.trim() === '') return [];
	try {
		const groups: unknown = JSON.parse(text);
		return Array.isArray(groups) ? groups : null;
	} catch {
		return null;
	}
}

function renumber(node: unknown, moved: (track: number) => number, depth = 0): unknown {
	if (typeof node !== 'object' || node === null || depth > 50) return node;
	const { data, children } = node as Group;
	const result: Record<string, unknown> = { ...node };
	if (typeof data === 'string') {
		result.data = data.replace(/^\d+(?=:)/, (track) => String(moved(Number(track))));
	}
	if (Array.isArray(children)) {
		result.children = children.map((inner) => renumber(inner, moved, depth + 1));
	}
	return result;
}
