import { join } from 'node:path';
import { LATE, writeFrame } from './frames.ts';
import type { EncoderEvent, Project as Model } from './model.ts';
import { FolderItem, idOfItem, itemStatics, type ProjectItem, type World } from './uxp-items.ts';
import { type Action, type CompoundAction, Locks } from './uxp-lock.ts';
import { Sequence, SequenceEditor, TrackItemSelection } from './uxp-sequence.ts';
import { Guid, GuidStatic, type TickTime, TickTimeStatic, ticksOf } from './uxp-times.ts';

/** `require('premierepro')`, over the model of one project. Its members are checked against the typings. */
export function premiereOver(model: Model) {
	const world: World = { project: model, locks: new Locks(model) };
	return {
		...itemStatics(world),
		Application: { version: null },
		Constants: CONSTANTS,
		EncoderManager: ENCODER,
		EventManager: events(model),
		Exporter: exporter(model),
		Guid: GuidStatic,
		Project: {
			async getActiveProject(): Promise<Project> {
				return new Project(world);
			},
			getProject(projectGuid: Guid): Project {
				if (projectGuid.toString() !== model.id) throw new Error('No such project');
				return new Project(world);
			},
		},
		Properties: {
			async getProperties(propertyOwnerObject: Sequence): Promise<Properties> {
				return new Properties(world, Sequence.modelOf(propertyOwnerObject).id);
			},
		},
		SequenceEditor: {
			getEditor(sequenceObject: Sequence): SequenceEditor {
				return new SequenceEditor(world, Sequence.modelOf(sequenceObject).id);
			},
		},
		SequenceSettings: { VIDEO_DISPLAY_FORMAT_2997: 102 },
		TickTime: TickTimeStatic,
		TrackItemSelection: {
			createEmptySelection(callback0: (selection: TrackItemSelection) => void): boolean {
				callback0(new TrackItemSelection());
				return true;
			},
		},
	};
}

/** Colour labels are in the order of UXP, which has no Caribbean. */
const CONSTANTS = {
	MediaType: { ANY: 1, DATA: 2, VIDEO: 3, AUDIO: 4 },
	ProjectItemColorLabel: { VIOLET: 0, IRIS: 1, LAVENDER: 2, CERULEAN: 3, MANGO: 6, YELLOW: 14 },
	PropertyType: { PERSISTENT: 1, NON_PERSISTENT: 0 },
	TrackItemType: { EMPTY: 0, CLIP: 1, TRANSITION: 2, PREVIEW: 3, FEEDBACK: 4 },
};

const EVENTS: Readonly<Record<string, EncoderEvent>> = {
	EVENT_RENDER_PROGRESS: 'progress',
	EVENT_RENDER_COMPLETE: 'complete',
	EVENT_RENDER_ERROR: 'error',
	EVENT_RENDER_CANCEL: 'cancel',
};

const MANAGER = {};

const ENCODER = {
	...EVENTS,
	getManager(): object {
		return MANAGER;
	},
};

function events(model: Model) {
	return {
		addEventListener(target: object, eventName: EncoderEvent, eventHandler: () => void): void {
			if (target !== MANAGER || !Object.values(EVENTS).includes(eventName)) {
				throw new Error('Illegal Parameter type');
			}
			model.onEncoder.push({ event: eventName, listener: eventHandler });
		},
	};
}

export class Project {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	get guid(): Guid {
		return new Guid(this.#world.project.id);
	}
	get name(): string {
		return this.#world.project.name;
	}
	get path(): string {
		return this.#world.project.path;
	}
	async getActiveSequence(): Promise<Sequence | null> {
		const { active } = this.#world.project;
		return active === null ? null : new Sequence(this.#world, active);
	}
	getSequence(guid: Guid): Sequence {
		return new Sequence(this.#world, this.#world.project.sequence(guid.toString()).id);
	}
	async getRootItem(): Promise<FolderItem> {
		return new FolderItem(this.#world, this.#world.project.root);
	}
	async importFiles(
		filePaths: string[],
		suppressUI?: boolean,
		targetBin?: ProjectItem | null,
		_asNumberedStills?: boolean,
	): Promise<boolean> {
		if (targetBin === undefined) throw new Error('Illegal Parameter type');
		if (!suppressUI) throw new Error('Nobody is here to answer');
		const { project } = this.#world;
		const bin = targetBin === null ? project.root : idOfItem(targetBin);
		const work = () => {
			for (const path of filePaths) project.importFile(path, bin);
		};
		if (project.faults.has('an import comes late')) setTimeout(work, LATE);
		else work();
		return true;
	}
	lockedAccess(callback: () => void): void {
		this.#world.locks.lockedAccess(callback);
	}
	executeTransaction(
		callback: (compoundAction: CompoundAction) => void,
		undoString?: string,
	): boolean {
		return this.#world.locks.executeTransaction(callback, undoString);
	}
}

export class Properties {
	readonly #world: World;
	readonly #sequence: string;
	constructor(world: World, sequence: string) {
		this.#world = world;
		this.#sequence = sequence;
	}
	get #values(): Record<string, string> {
		return this.#world.project.sequence(this.#sequence).properties;
	}
	hasValue(name: string): boolean {
		return name in this.#values;
	}
	getValue(name: string): string {
		return this.#values[name] ?? '';
	}
	createSetValueAction(
		name: string,
		value: boolean | string | number,
		_persistenceFlag: number,
	): Action {
		return this.#world.locks.action(() => {
			this.#values[name] = String(value);
		});
	}
}

function exporter({ faults }: Model) {
	return {
		/** Adds the extension of its own to a name that has one. */
		async exportSequenceFrame(
			sequence: Sequence,
			time: TickTime,
			filename: string,
			filepath: string,
			width: number,
			height: number,
		): Promise<boolean> {
			const model = Sequence.modelOf(sequence);
			const name = faults.has('a frame with one extension') ? filename : `${filename}.png`;
			const path = join(filepath, name);
			await writeFrame(faults, { of: model, at: ticksOf(time), size: { width, height }, path });
			return true;
		},
	};
}
