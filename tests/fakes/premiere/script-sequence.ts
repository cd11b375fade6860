import { formatTimecode, rational } from '../../../protocol/time.ts';
import type { EvalScript } from '../extendscript/eval-script.ts';
import { writeFrame } from './frames.ts';
import { TICKS } from './media.ts';
import {
	type Clip,
	type Sequence as Model,
	type Track as ModelTrack,
	type Project,
	type Transition,
	tracksOf,
} from './model.ts';
import { Component, ProjectItem } from './script-items.ts';
import {
	ComponentCollection,
	Time,
	TrackCollection,
	TrackItemCollection,
	ticksOf,
} from './script-times.ts';

/** A sequence, its tracks and what stands on them, as Premiere's scripts have them. */

/** Far before the start: a point that is not set. */
const UNSET = -101_606_400_000_000_000n;

export type World = { readonly project: Project; readonly scripts: EvalScript };

export class Sequence {
	readonly #world: World;
	readonly #id: string;
	constructor(world: World, id: string) {
		this.#world = world;
		this.#id = id;
		if (world.project.faults.has('sequences have no overwriteClip')) {
			Object.assign(this, { overwriteClip: undefined });
		}
	}
	get #model(): Model {
		return this.#world.project.sequence(this.#id);
	}
	get sequenceID(): string {
		return this.#id;
	}
	get name(): string {
		return this.#model.name;
	}
	get timebase(): string {
		return this.#model.ticksPerFrame.toString();
	}
	get zeroPoint(): string {
		return this.#model.zeroPoint.toString();
	}
	get frameSizeHorizontal(): number {
		return this.#model.size.width;
	}
	get frameSizeVertical(): number {
		return this.#model.size.height;
	}
	get videoDisplayFormat(): number {
		return this.#model.displayFormat;
	}
	get videoTracks(): TrackCollection {
		return this.#tracks('video');
	}
	get audioTracks(): TrackCollection {
		return this.#tracks('audio');
	}
	getSettings(): SequenceSettings {
		return new SequenceSettings(this.#model);
	}
	getPlayerPosition(): Time {
		return new Time(this.#model.playhead);
	}
	setPlayerPosition(pos: string): void {
		if (typeof pos !== 'string') throw new Error('Illegal Parameter type');
		this.#model.playhead = BigInt(pos);
	}
	getInPointAsTime(): Time {
		return new Time(this.#model.inPoint ?? UNSET);
	}
	getOutPointAsTime(): Time {
		return new Time(this.#model.outPoint ?? UNSET);
	}
	getSelection(): unknown {
		const selected = this.#model.tracks.flatMap(({ clips }) =>
			clips.filter(({ isSelected }) => isSelected),
		);
		const ids = selected.map(({ id }) => id);
		const { faults } = this.#world.project;
		if (faults.has('something without times is selected')) ids.push('a caption');
		return this.#world.scripts.array(ids.map((id) => new TrackItem(this.#world, this.#id, id)));
	}
	/** Whatever comes of it, it says yes. */
	overwriteClip(
		projectItem: ProjectItem,
		time: Time | string,
		vTrackIndex: number,
		aTrackIndex: number,
	): boolean {
		const at = timeIn(this.#world.project, time);
		overwrite(this.#world, this.#model, projectItem, at, vTrackIndex, aTrackIndex);
		return true;
	}
	#tracks(kind: ModelTrack['kind']): TrackCollection {
		const tracks = tracksOf(this.#model, kind);
		return new TrackCollection(
			tracks.map((_each, index) => new Track(this.#world, this.#id, kind, index)),
		);
	}
}

export class SequenceSettings {
	readonly #model: Model;
	constructor(model: Model) {
		this.#model = model;
	}
	get videoPixelAspectRatio(): string {
		return this.#model.pixelAspect;
	}
	get audioSampleRate(): Time {
		return new Time(TICKS / 48_000n);
	}
}

export class Track {
	readonly #world: World;
	readonly #sequence: string;
	readonly #kind: ModelTrack['kind'];
	readonly #index: number;
	constructor(world: World, sequence: string, kind: ModelTrack['kind'], index: number) {
		this.#world = world;
		this.#sequence = sequence;
		this.#kind = kind;
		this.#index = index;
	}
	get #model(): ModelTrack {
		return tracksOf(this.#world.project.sequence(this.#sequence), this.#kind)[this.#index]!;
	}
	get clips(): TrackItemCollection {
		const { clips } = this.#model;
		return new TrackItemCollection(
			clips.map(({ id }) => new TrackItem(this.#world, this.#sequence, id)),
		);
	}
	get transitions(): TrackItemCollection {
		const { project } = this.#world;
		return new TrackItemCollection(this.#model.transitions.map((each) => new Fade(project, each)));
	}
	isMuted(): boolean {
		return this.#model.isMuted;
	}
	isLocked(): boolean {
		return this.#model.isLocked && !this.#world.project.faults.has('locks are not told');
	}
	/** The sound goes where Premiere's own patches send it. */
	overwriteClip(clipProjectItem: ProjectItem, time: Time): boolean {
		const sequence = this.#world.project.sequence(this.#sequence);
		overwrite(this.#world, sequence, clipProjectItem, ticksOf(time), this.#index, 0);
		return true;
	}
}

/** A transition: of an item's members it has those that make sense. */
export class Fade {
	readonly #project: Project;
	readonly #fade: Transition;
	constructor(project: Project, fade: Transition) {
		this.#project = project;
		this.#fade = fade;
	}
	get #model(): Transition {
		if (!this.#project.faults.has('transitions do not say where they stand')) return this.#fade;
		throw new Error('Not of this item');
	}
	get name(): string {
		return this.#model.name;
	}
	get start(): Time {
		return new Time(this.#model.start);
	}
	get end(): Time {
		return new Time(this.#model.end);
	}
}

export class TrackItem {
	readonly #world: World;
	readonly #sequence: string;
	readonly #id: string;
	constructor(world: World, sequence: string, id: string) {
		this.#world = world;
		this.#sequence = sequence;
		this.#id = id;
	}
	get #model(): Clip {
		for (const { clips } of this.#world.project.sequence(this.#sequence).tracks) {
			const clip = clips.find(({ id }) => id === this.#id);
			if (clip) return clip;
		}
		throw new Error('The track item is no longer valid');
	}
	get nodeId(): string {
		return this.#id;
	}
	get name(): string {
		return this.#model.name;
	}
	get start(): Time {
		this.#world.project.expectPlaced(this.#sequence, this.#model);
		return new Time(this.#model.start);
	}
	get end(): Time {
		return new Time(this.#model.end);
	}
	get inPoint(): Time {
		return new Time(this.#model.in);
	}
	get outPoint(): Time {
		return new Time(this.#model.out);
	}
	get disabled(): boolean {
		return this.#model.isDisabled;
	}
	/** Of a title there is none. */
	get projectItem(): ProjectItem | undefined {
		const { project } = this.#world;
		const { item } = this.#model;
		project.expectShown(this.#sequence, this.#model);
		return project.item(item).kind === 'title' ? undefined : new ProjectItem(project, item);
	}
	get components(): ComponentCollection {
		return new ComponentCollection(this.#model.effects.map((effect) => new Component(effect)));
	}
	getSpeed(): number {
		return this.#model.speed;
	}
	isSpeedReversed(): number {
		return this.#model.isReversed ? 1 : 0;
	}
	isAdjustmentLayer(): boolean {
		return this.#world.project.item(this.#model.item).kind === 'adjustment';
	}
	remove(rippleEdit: boolean, _alignToVideo: boolean): boolean {
		if (rippleEdit) throw new Error('Nobody here closes gaps');
		const { project } = this.#world;
		void this.#model;
		project.step('Clear', () => {
			project.remove(project.sequence(this.#sequence), [this.#id]);
		});
		return true;
	}
}

export class QEApplication {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	get project(): QEProject {
		return new QEProject(this.#world);
	}
}

export class QEProject {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	getActiveSequence(): QESequence | undefined {
		const { active } = this.#world.project;
		return active === null ? undefined : new QESequence(this.#world, active);
	}
	undo(): boolean {
		const { project } = this.#world;
		if (!project.faults.has('a clip is put at the start, and QE undoes nothing')) project.undo();
		return true;
	}
}

export class QESequence {
	readonly #world: World;
	readonly #id: string;
	constructor(world: World, id: string) {
		this.#world = world;
		this.#id = id;
	}
	get #model(): Model {
		return this.#world.project.sequence(this.#id);
	}
	get CTI(): { readonly timecode: string } {
		const { playhead, zeroPoint, ticksPerFrame, displayFormat } = this.#model;
		const frame = Number((playhead + zeroPoint) / ticksPerFrame);
		const rate = rational(TICKS, ticksPerFrame);
		return { timecode: formatTimecode(frame, rate, [102, 106].includes(displayFormat)) };
	}
	/** Takes the frame that the playhead is on, and the first where it does not read the time. */
	exportFramePNG(time: string, path: string): boolean {
		const { faults } = this.#world.project;
		const of = this.#model;
		const at = time === this.CTI.timecode ? of.playhead : 0n;
		const name = faults.has('a frame with one extension') ? path : `${path}.png`;
		void writeFrame(faults, { of, at, size: of.size, path: name });
		return true;
	}
}

/** A `Time`, as the typings have it of tracks; or seconds as text, as the manual has it of sequences. */
function timeIn({ faults }: Project, time: Time | string): bigint {
	const readsText = faults.has('a Time is taken for none');
	if (typeof time !== 'string') return readsText ? 0n : ticksOf(time);
	if (!readsText) throw new Error('Illegal Parameter type');
	return BigInt(Math.round(Number(time) * Number(TICKS)));
}

/** An index out of range is no error, and nothing is placed then. */
function overwrite(
	{ project }: World,
	of: Model,
	item: ProjectItem,
	time: bigint,
	video: number,
	audio: number,
): void {
	if (project.faults.has('an edit is refused')) return;
	if (!tracksOf(of, 'video')[video] || !tracksOf(of, 'audio')[audio]) return;
	const isAtStart =
		project.faults.has('a clip is put at the start') ||
		project.faults.has('a clip is put at the start, and QE undoes nothing');
	project.step('Overwrite', () => {
		const sequence = project.sequence(of.id);
		project.overwrite(sequence, ProjectItem.idOf(item), isAtStart ? 0n : time, video, audio);
	});
}
