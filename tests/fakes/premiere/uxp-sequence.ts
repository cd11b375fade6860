import { type Clip, type Sequence as Model, type Track as ModelTrack, tracksOf } from './model.ts';
import { ComponentChain, idOfItem, ProjectItem, type World } from './uxp-items.ts';
import type { Action } from './uxp-lock.ts';
import { FrameRate, Guid, TickTime, ticksOf } from './uxp-times.ts';

/** A sequence, its tracks and what stands on them, as Premiere's UXP has them. */

const CLIP = 1;
const TRANSITION = 2;

export class Sequence {
	readonly #world: World;
	readonly #id: string;
	constructor(world: World, id: string) {
		this.#world = world;
		this.#id = id;
	}
	/** @internal */
	static modelOf(of: unknown): Model {
		if (of instanceof Sequence) return of.#model;
		throw new Error('Illegal Parameter type');
	}
	get #model(): Model {
		return this.#world.project.sequence(this.#id);
	}
	get guid(): Guid {
		return new Guid(this.#id);
	}
	get name(): string {
		return this.#model.name;
	}
	async getSettings(): Promise<SequenceSettings> {
		return new SequenceSettings(this.#model);
	}
	async getTimebase(): Promise<string> {
		return this.#model.ticksPerFrame.toString();
	}
	async getZeroPoint(): Promise<TickTime> {
		return new TickTime(this.#model.zeroPoint);
	}
	async getEndTime(): Promise<TickTime> {
		const ends = this.#model.tracks.flatMap(({ clips }) => clips.map(({ end }) => end));
		return new TickTime(ends.reduce((most, end) => (end > most ? end : most), 0n));
	}
	/** Far before the start where none is set. */
	async getInPoint(): Promise<TickTime> {
		return new TickTime(this.#model.inPoint ?? -101_606_400_000_000_000n);
	}
	async getOutPoint(): Promise<TickTime> {
		return new TickTime(this.#model.outPoint ?? -101_606_400_000_000_000n);
	}
	async getFrameSize(): Promise<{ width: number; height: number }> {
		return { ...this.#model.size };
	}
	async getPlayerPosition(): Promise<TickTime> {
		return new TickTime(this.#model.playhead);
	}
	async setPlayerPosition(positionTime?: TickTime): Promise<boolean> {
		this.#model.playhead = ticksOf(positionTime);
		return true;
	}
	async getVideoTrackCount(): Promise<number> {
		return tracksOf(this.#model, 'video').length;
	}
	async getAudioTrackCount(): Promise<number> {
		return tracksOf(this.#model, 'audio').length;
	}
	async getVideoTrack(trackIndex: number): Promise<Track> {
		return new Track(this.#world, this.#id, 'video', trackIndex);
	}
	async getAudioTrack(trackIndex: number): Promise<Track> {
		return new Track(this.#world, this.#id, 'audio', trackIndex);
	}
	async getSelection(): Promise<TrackItemSelection> {
		const selected = this.#model.tracks.flatMap(({ clips }) =>
			clips.filter(({ isSelected }) => isSelected),
		);
		const selection = new TrackItemSelection();
		for (const { id } of selected) selection.addItem(new TrackItem(this.#world, this.#id, id));
		if (this.#world.project.faults.has('something without times is selected')) {
			selection.addItem(new TrackItem(this.#world, this.#id, 'a caption'));
		}
		return selection;
	}
}

export class SequenceSettings {
	readonly #model: Model;
	constructor(model: Model) {
		this.#model = model;
	}
	async getVideoDisplayFormat(): Promise<{ type: number }> {
		return { type: this.#model.displayFormat };
	}
	async getVideoPixelAspectRatio(): Promise<string> {
		return this.#model.pixelAspect;
	}
	async getAudioSampleRate(): Promise<FrameRate> {
		return new FrameRate(5_292_000);
	}
	getVideoFrameRate(): FrameRate {
		return new FrameRate(Number(this.#model.ticksPerFrame));
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
		void this.#model;
	}
	get #model(): ModelTrack {
		const track = tracksOf(this.#world.project.sequence(this.#sequence), this.#kind)[this.#index];
		if (!track) throw new Error('Track index out of range');
		return track;
	}
	get name(): string {
		return this.#model.name;
	}
	get id(): number {
		return this.#index + 1;
	}
	async isMuted(): Promise<boolean> {
		return this.#model.isMuted;
	}
	async getIndex(): Promise<number> {
		return this.#index;
	}
	getTrackItems(trackItemType: number, _includeEmptyTrackItems: boolean): (TrackItem | Fade)[] {
		const { clips, transitions } = this.#model;
		if (trackItemType === TRANSITION) return transitions.map((each) => new Fade(this.#world, each));
		if (trackItemType !== CLIP) return [];
		return clips.map(({ id }) => new TrackItem(this.#world, this.#sequence, id));
	}
}

/** A transition: of an item's members it has those that make sense. */
export class Fade {
	readonly #world: World;
	readonly #fade: ModelTrack['transitions'][number];
	constructor(world: World, fade: ModelTrack['transitions'][number]) {
		this.#world = world;
		this.#fade = fade;
	}
	get #model(): ModelTrack['transitions'][number] {
		if (!this.#world.project.faults.has('transitions do not say where they stand'))
			return this.#fade;
		throw new Error('Not of this item');
	}
	async getName(): Promise<string> {
		return this.#model.name;
	}
	async getStartTime(): Promise<TickTime> {
		return new TickTime(this.#model.start);
	}
	async getEndTime(): Promise<TickTime> {
		return new TickTime(this.#model.end);
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
	/** @internal */
	static idOf(of: unknown): string {
		if (of instanceof TrackItem) return of.#id;
		throw new Error('Illegal Parameter type');
	}
	get #model(): Clip {
		for (const { clips } of this.#world.project.sequence(this.#sequence).tracks) {
			const clip = clips.find(({ id }) => id === this.#id);
			if (clip) return clip;
		}
		throw new Error('The track item is no longer valid');
	}
	async getName(): Promise<string> {
		return this.#model.name;
	}
	async getStartTime(): Promise<TickTime> {
		this.#world.project.expectPlaced(this.#sequence, this.#model);
		return new TickTime(this.#model.start);
	}
	async getEndTime(): Promise<TickTime> {
		return new TickTime(this.#model.end);
	}
	async getInPoint(): Promise<TickTime> {
		return new TickTime(this.#model.in);
	}
	async getOutPoint(): Promise<TickTime> {
		return new TickTime(this.#model.out);
	}
	async getSpeed(): Promise<number> {
		return this.#model.speed;
	}
	async isSpeedReversed(): Promise<number> {
		return this.#model.isReversed ? 1 : 0;
	}
	async isAdjustmentLayer(): Promise<boolean> {
		return this.#world.project.item(this.#model.item).kind === 'adjustment';
	}
	async isDisabled(): Promise<boolean> {
		return this.#model.isDisabled;
	}
	async getProjectItem(): Promise<ProjectItem> {
		this.#world.project.expectShown(this.#sequence, this.#model);
		return new ProjectItem(this.#world, this.#model.item);
	}
	async getComponentChain(): Promise<ComponentChain> {
		return new ComponentChain(this.#model.effects);
	}
	createSetNameAction(inName: string): Action {
		return this.#world.locks.action(() => {
			this.#model.name = inName;
		});
	}
}

export class TrackItemSelection {
	readonly #items: TrackItem[] = [];
	addItem(trackItem: TrackItem, _skipDuplicateCheck?: boolean): boolean {
		TrackItem.idOf(trackItem);
		this.#items.push(trackItem);
		return true;
	}
	async getTrackItems(): Promise<TrackItem[]> {
		return [...this.#items];
	}
	/** @internal */
	static idsOf(of: unknown): readonly string[] {
		if (of instanceof TrackItemSelection) return of.#items.map((item) => TrackItem.idOf(item));
		throw new Error('Illegal Parameter type');
	}
}

export class SequenceEditor {
	readonly #world: World;
	readonly #sequence: string;
	constructor(world: World, sequence: string) {
		this.#world = world;
		this.#sequence = sequence;
	}
	createOverwriteItemAction(
		projectItem: ProjectItem,
		time: TickTime,
		videoTrackIndex: number,
		audioTrackIndex: number,
	): Action {
		const { project, locks } = this.#world;
		const item = idOfItem(projectItem);
		const at = ticksOf(time);
		return locks.action(() => {
			const sequence = project.sequence(this.#sequence);
			project.overwrite(sequence, item, at, videoTrackIndex, audioTrackIndex);
		});
	}
	createRemoveItemsAction(
		trackItemSelection: TrackItemSelection,
		ripple: boolean,
		_mediaType: number,
		_shiftOverLapping?: boolean,
	): Action {
		const { project, locks } = this.#world;
		const ids = TrackItemSelection.idsOf(trackItemSelection);
		if (ripple) throw new Error('Nobody here closes gaps');
		return locks.action(() => project.remove(project.sequence(this.#sequence), ids));
	}
}
