import { randomUUID } from 'node:crypto';
import type { Fault } from './faults.ts';
import { lookAt, type Media, TICKS } from './media.ts';

/**
 * A Premiere project in memory, without any of its interfaces: bins, sequences, tracks and what a
 * person or a script does to them. All times are ticks.
 */

export type Item = {
	readonly id: string;
	readonly kind: 'bin' | 'media' | 'sequence' | 'adjustment' | 'title';
	name: string;
	parent: string | null;
	label: number;
	/** In and out point of the item in the bin, which are used by whatever is placed next. */
	marks: { readonly in: bigint; readonly out: bigint } | null;
	media: Media | null;
	isOffline: boolean;
	/** Of a sequence's item. */
	readonly sequence: string | null;
	/** Values that scripts keep with it. */
	metadata: string;
};

export type Effect = { readonly matchName: string; readonly displayName: string };

export type Clip = {
	readonly id: string;
	readonly kind: 'video' | 'audio';
	readonly item: string;
	name: string;
	start: bigint;
	end: bigint;
	in: bigint;
	out: bigint;
	speed: number;
	isReversed: boolean;
	isDisabled: boolean;
	isSelected: boolean;
	/** Clips with the same are linked. */
	link: string | null;
	effects: readonly Effect[];
};

export type Transition = { readonly start: bigint; readonly end: bigint; readonly name: string };

export type Track = {
	readonly kind: 'video' | 'audio';
	name: string;
	isLocked: boolean;
	isMuted: boolean;
	/** How many channels a sound on it may have: as many as it takes. Null: any. */
	readonly channels: number | null;
	clips: Clip[];
	transitions: Transition[];
};

export type Sequence = {
	readonly id: string;
	name: string;
	readonly ticksPerFrame: bigint;
	zeroPoint: bigint;
	readonly size: { readonly width: number; readonly height: number };
	readonly pixelAspect: string;
	/** 100 to 113, as ExtendScript's manual numbers them: 102 and 106 drop frames. */
	displayFormat: number;
	tracks: Track[];
	playhead: bigint;
	inPoint: bigint | null;
	outPoint: bigint | null;
	/** Values that scripts keep with it. */
	properties: Record<string, string>;
};

type Data = { items: Item[]; sequences: Sequence[] };

type Step = { readonly label: string; readonly before: Data };

/** What Media Encoder tells of a job. */
export type EncoderEvent = 'progress' | 'complete' | 'error' | 'cancel';

export class Project {
	/** Who is told of the jobs of Media Encoder. */
	readonly onEncoder: { readonly event: EncoderEvent; readonly listener: () => void }[] = [];

	readonly id = randomUUID();
	readonly root = randomUUID();
	name: string;
	path: string;
	data: Data = { items: [], sequences: [] };
	/** The sequence in front. */
	active: string | null = null;
	readonly faults = new Set<Fault>();
	readonly undoSteps: Step[] = [];
	readonly redoSteps: Step[] = [];

	/** Media Encoder tells of a job that a person has given it. */
	encoderTells(of: EncoderEvent): void {
		for (const { event, listener } of this.onEncoder) if (event === of) listener();
	}

	constructor(name: string, path = '') {
		this.name = name;
		this.path = path;
		this.data.items.push(itemOf({ id: this.root, kind: 'bin', name, parent: null }));
	}

	/** One step that can be undone. What the change throws undoes it. */
	step(label: string, change: () => void): void {
		const before = structuredClone(this.data);
		try {
			change();
		} catch (error) {
			this.data = before;
			throw error;
		}
		this.undoSteps.push({ label, before });
		this.redoSteps.length = 0;
	}

	undo(): void {
		this.#go(this.undoSteps, this.redoSteps);
	}

	redo(): void {
		this.#go(this.redoSteps, this.undoSteps);
	}

	/** To the state that is next on one of the stacks; a playhead is no part of it. */
	#go(from: Step[], to: Step[]): void {
		const step = from.pop();
		if (!step) return;
		to.push({ label: step.label, before: this.data });
		const playheads = new Map(this.data.sequences.map(({ id, playhead }) => [id, playhead]));
		this.data = step.before;
		for (const each of this.data.sequences) each.playhead = playheads.get(each.id) ?? each.playhead;
	}

	item(id: string): Item {
		return found(
			this.data.items.find((each) => each.id === id),
			'project item',
		);
	}

	sequence(id: string): Sequence {
		return found(
			this.data.sequences.find((each) => each.id === id),
			'sequence',
		);
	}

	/** The path of an item's file. Throws under a fault. */
	pathOf({ kind, media }: Item): string {
		const throws = this.faults.has('a sequence in the project does not say its path');
		if (kind === 'sequence' && throws) throw new Error('Not of this item');
		return media?.path ?? '';
	}

	/** Both throw under a fault where the clip is the person's, on the first track of a kind. */
	expectPlaced(of: string, clip: Clip): void {
		this.#expectTold('a sound does not say where it stands', of, 'audio', clip);
	}

	expectShown(of: string, clip: Clip): void {
		this.#expectTold('a clip does not say what it shows', of, 'video', clip);
	}

	#expectTold(fault: Fault, of: string, kind: Track['kind'], { id, item }: Clip): void {
		if (!this.faults.has(fault) || this.item(item).parent !== this.root) return;
		const [first] = tracksOf(this.sequence(of), kind);
		if (first?.clips.some((each) => each.id === id)) throw new Error('Not of this item');
	}

	childrenOf(bin: string): readonly Item[] {
		return this.data.items.filter(({ parent }) => parent === bin);
	}

	addSequence(
		parts: Pick<Sequence, 'name' | 'ticksPerFrame' | 'size'> & Partial<Sequence>,
	): Sequence {
		const sequence: Sequence = {
			id: randomUUID(),
			zeroPoint: 0n,
			pixelAspect: '1:1',
			displayFormat: 109,
			tracks: [],
			playhead: 0n,
			inPoint: null,
			outPoint: null,
			properties: {},
			...parts,
		};
		this.data.sequences.push(sequence);
		const { id, name } = sequence;
		this.data.items.push(itemOf({ kind: 'sequence', name, parent: this.root, sequence: id }));
		this.active ??= id;
		return sequence;
	}

	addItem(parts: Pick<Item, 'kind' | 'name'> & Partial<Item>): Item {
		const item = itemOf({ parent: this.root, ...parts });
		this.data.items.push(item);
		return item;
	}

	/** Imports a file. One that is not there is success as well. */
	importFile(path: string, bin: string): void {
		if (this.faults.has('an import does nothing')) return;
		let media: Media;
		try {
			media = lookAt(path);
		} catch {
			return;
		}
		const parent = this.faults.has('an import lands in the root') ? this.root : bin;
		const name = path.split(/[\\/]/).at(-1) ?? path;
		this.step(`Import ${name}`, () => {
			this.addItem({ kind: 'media', name, parent, media });
		});
	}

	/**
	 * Puts an item over what is there, its picture and its sound linked: what they cover is trimmed,
	 * split or gone. A locked track, or one of another number of channels, takes nothing.
	 */
	overwrite(of: Sequence, itemId: string, at: bigint, video: number, audio: number): void {
		if (this.faults.has('an edit does nothing')) return;
		const item = this.item(itemId);
		const media = item.media;
		const whole = { in: 0n, out: media?.duration ?? 5n * TICKS };
		const marks = item.marks ?? whole;
		const later = this.faults.has('a clip lands elsewhere') ? 2n * TICKS : 0n;
		const start = nearestFrame(at + later, of.ticksPerFrame);
		const longer = this.faults.has('a clip comes out a frame longer') ? of.ticksPerFrame : 0n;
		const link = randomUUID();
		const parts: ['video' | 'audio', number, number | null][] = [];
		if (!media || media.picture) parts.push(['video', video, null]);
		const audioIndex = this.faults.has('sound on A1') ? 0 : audio;
		if (media && media.channels > 0) parts.push(['audio', audioIndex, media.channels]);
		for (const [kind, index, channels] of parts) {
			const track = tracksOf(of, kind)[index];
			if (!track) {
				if (this.faults.has('a track out of range is ignored')) continue;
				throw new Error('An invalid track index was passed to the sequence');
			}
			if (track.isLocked) continue;
			if (channels !== null && track.channels !== null && track.channels !== channels) continue;
			const end = start + marks.out - marks.in + longer;
			this.cover(track, start, end);
			const { name } = item;
			track.clips.push(
				clipOf({ kind, item: itemId, name, start, end, in: marks.in, out: marks.out, link }),
			);
			sort(track);
		}
	}

	/** Empties a range of a track: clips are trimmed and split, transitions over it go. */
	cover(track: Track, start: bigint, end: bigint): void {
		track.transitions = track.transitions.filter((each) => each.end <= start || end <= each.start);
		track.clips = track.clips.flatMap((clip) => {
			if (clip.end <= start || end <= clip.start) return [clip];
			const rest: Clip[] = [];
			if (clip.start < start) {
				rest.push({ ...clip, end: start, out: clip.in + start - clip.start });
			}
			if (end < clip.end) {
				const id = rest.length > 0 ? randomUUID() : clip.id;
				rest.push({ ...clip, id, start: end, in: clip.in + end - clip.start });
			}
			return rest;
		});
	}

	/** Takes clips out, leaving the time empty. */
	remove(of: Sequence, ids: readonly string[]): void {
		if (this.faults.has('removing does nothing')) return;
		const links = of.tracks
			.flatMap(({ clips }) => clips)
			.filter(({ id }) => ids.includes(id))
			.map(({ link }) => link);
		const alsoLinked = this.faults.has('removing takes linked clips along');
		for (const track of of.tracks) {
			if (track.isLocked) continue;
			track.clips = track.clips.filter(
				({ id, link }) =>
					!ids.includes(id) && !(alsoLinked && link !== null && links.includes(link)),
			);
		}
	}
}

export function tracksOf({ tracks }: Sequence, kind: Track['kind']): readonly Track[] {
	return tracks.filter((each) => each.kind === kind);
}

export function trackOf(kind: Track['kind'], parts: Partial<Track> = {}): Track {
	const name = parts.name ?? (kind === 'video' ? 'Video' : 'Audio');
	const empty = { isLocked: false, isMuted: false, channels: null, clips: [], transitions: [] };
	return { ...empty, ...parts, kind, name };
}

export function clipOf(
	parts: Pick<Clip, 'kind' | 'item' | 'name' | 'start' | 'end'> & Partial<Clip>,
): Clip {
	return {
		id: randomUUID(),
		in: 0n,
		out: parts.end - parts.start,
		speed: 1,
		isReversed: false,
		isDisabled: false,
		isSelected: false,
		link: null,
		effects: intrinsic(parts.kind),
		...parts,
	};
}

/** What every clip has, whether or not somebody has touched it. */
function intrinsic(kind: Clip['kind']): readonly Effect[] {
	if (kind === 'audio') {
		return [{ matchName: 'Internal Volume Stereo', displayName: 'Lautstärke' }];
	}
	return [
		{ matchName: 'AE.ADBE Opacity', displayName: 'Deckkraft' },
		{ matchName: 'AE.ADBE Motion', displayName: 'Bewegung' },
	];
}

function itemOf(parts: Pick<Item, 'kind' | 'name' | 'parent'> & Partial<Item>): Item {
	return {
		id: randomUUID(),
		label: 1,
		marks: null,
		media: null,
		isOffline: false,
		sequence: null,
		metadata: '',
		...parts,
	};
}

function nearestFrame(at: bigint, ticksPerFrame: bigint): bigint {
	return ((at + ticksPerFrame / 2n) / ticksPerFrame) * ticksPerFrame;
}

function sort(track: Track): void {
	track.clips.sort((a, b) => (a.start < b.start ? -1 : 1));
}

function found<T>(thing: T | undefined, what: string): T {
	if (thing) return thing;
	throw new Error(`There is no such ${what}`);
}
