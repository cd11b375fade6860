import { PickupError } from '../../protocol/errors.ts';
import { sameRange } from '../../protocol/time.ts';
import type { ClipSpan, Cut } from '../../protocol/timeline.ts';
import type { Placement, PlacementReport } from '../host.ts';
import { checkPlacement, type PlacementPlan } from '../placement.ts';
import { newXmlFor } from './encoding.ts';
import type { Standing, TimelineSequence } from './format.ts';
import { composeSpans, type InsertedSpan, replaceIn, splice } from './splice.ts';

type State = {
	readonly text: string;
	/** What was inserted, in characters of the text. */
	readonly spans: readonly InsertedSpan[];
	readonly sequences: readonly TimelineSequence[];
};

/**
 * The text of a timeline file while one of its sequences is changed. Every change is read back as
 * if the text were a new file; where that is not what was meant, the text is as it was before.
 */
export class TimelineEdit {
	readonly #read: (text: string) => readonly TimelineSequence[];
	readonly #encoding: string;
	readonly #index: number;
	#state: State;

	constructor(
		text: string,
		options: {
			readonly sequences: readonly TimelineSequence[];
			readonly index: number;
			readonly encoding: string;
			readonly read: (text: string) => readonly TimelineSequence[];
		},
	) {
		this.#read = options.read;
		this.#encoding = options.encoding;
		this.#index = options.index;
		this.#state = { text, spans: [], sequences: options.sequences };
	}

	get text(): string {
		return this.#state.text;
	}

	get spans(): readonly InsertedSpan[] {
		return this.#state.spans;
	}

	get cut(): Cut {
		return this.#sequence.cut;
	}

	/** Does several changes, or none where one cannot be done. */
	all<T>(changes: () => T): T {
		const { text, spans } = this.#state;
		try {
			return changes();
		} catch (error) {
			this.#state = { text, spans, sequences: [] };
			this.#state = { text, spans, sequences: this.#read(text) };
			throw error;
		}
	}

	/** Inserts one clip on the tracks of the plan. */
	place(placement: Placement, plan: PlacementPlan): PlacementReport {
		const { spans, text } = this.#state;
		const insertions = this.#sequence.insertions(placement, plan);
		const result = splice(
			text,
			insertions.map(({ offset, text }) => ({ offset, text: this.#spelled(text) })),
		);
		const [before, after] = this.#become(result.text, composeSpans(spans, result.spans));
		const report = checkPlacement(before, after, placement, plan);
		if (!report.verified) throw notAsMeant(report.expected, report.actual);
		return report;
	}

	/** Has a clip play other media; it keeps its place, and from where in the media it plays. */
	swap(standing: Standing, placement: Placement): void {
		const changes = this.#sequence.swap(standing, placement);
		this.#replace(changes, standing, (clip) => ({
			...clip,
			name: placement.name,
			source: { kind: 'file', path: placement.clip.path },
		}));
	}

	/** Leaves empty time where a clip stands. */
	remove(standing: Standing): void {
		this.#replace(this.#sequence.remove(standing), standing, () => null);
	}

	#replace(
		changes: readonly { readonly offset: number; readonly length: number; readonly text: string }[],
		standing: Standing,
		become: (clip: ClipSpan) => ClipSpan | null,
	): void {
		const spelled = changes.map((change) => ({ ...change, text: this.#spelled(change.text) }));
		const [before, after] = this.#become(replaceIn(this.text, spelled), []);
		const expected = clipsOf(before, standing, become);
		const actual = clipsOf(after, standing, (clip) => clip);
		const wrong = Object.keys({ ...expected, ...actual }).find(
			(track) => expected[track] !== actual[track],
		);
		if (wrong) throw notAsMeant(`${expected[wrong]} on ${wrong}`, actual[wrong] ?? 'no such track');
	}

	/** Takes another text; gives the cut before and after. Other sequences must be what they were. */
	#become(text: string, spans: readonly InsertedSpan[]): readonly [Cut, Cut] {
		const before = this.#state.sequences.map(({ cut }) => cut);
		// These hold the whole document: what replaces them is read when they are gone.
		this.#state = { text, spans, sequences: [] };
		this.#state = { text, spans, sequences: this.#read(text) };
		const after = this.#state.sequences.map(({ cut }) => cut);
		const changed = before.findIndex(
			(cut, at) => at !== this.#index && shapeOf(cut) !== shapeOf(after[at]),
		);
		if (changed >= 0 || before.length !== after.length) {
			throw notAsMeant('other sequences as they were', `another sequence ${changed + 1}`);
		}
		return [sequenceAt(before, this.#index), sequenceAt(after, this.#index)];
	}

	get #sequence(): TimelineSequence {
		return sequenceAt(this.#state.sequences, this.#index);
	}

	#spelled(text: string): string {
		return newXmlFor(this.#encoding, text);
	}
}

function notAsMeant(expected: string, actual: string): PickupError {
	return new PickupError(
		'internal',
		`Expected ${expected}, got ${actual} when the timeline was read back`,
	);
}

function sequenceAt<T>(sequences: readonly T[], index: number): T {
	const found = sequences[index];
	if (found) return found;
	throw new PickupError('internal', `Expected sequence ${index + 1}, got ${sequences.length}`);
}

/** Where there is anything on its tracks: what a nested sequence shows changes with that one. */
function shapeOf(cut: Cut | undefined): string {
	const tracks = cut?.tracks.map(({ name, enabled, locked, transitions, clips }) => {
		const taken: number[] = [];
		for (const { range } of clips) {
			if (taken.at(-1) === range.start) taken.pop();
			else taken.push(range.start);
			taken.push(range.end);
		}
		return [name, enabled, locked, transitions, taken];
	});
	return JSON.stringify([cut?.sequence, tracks]);
}

/**
 * Each track's clips in words to compare, one of them as it is to become. The sound that a clip on
 * a video track has of its own is not told.
 */
function clipsOf(
	{ tracks }: Cut,
	standing: Standing,
	become: (clip: ClipSpan) => ClipSpan | null,
): Readonly<Record<string, string>> {
	const told = tracks
		.filter(({ name }) => name !== `${standing.track} sound`)
		.map((track) => {
			const clips = track.clips.flatMap((clip) => {
				const isIt = track.name === standing.track && sameRange(clip.range, standing.range);
				const now = isIt ? become(clip) : clip;
				return now ? [`${now.name}: ${JSON.stringify(plainly(now))}`] : [];
			});
			return [track.name, [...clips, JSON.stringify(track.transitions)].join(', ')];
		});
	return Object.fromEntries(told);
}

function plainly({ range, source, sourceIn, speed, enabled }: ClipSpan): unknown {
	return { range, source, sourceIn, speed, enabled };
}
