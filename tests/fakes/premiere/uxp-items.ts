import type { Effect, Item, Project } from './model.ts';
import type { Action, Locks } from './uxp-lock.ts';
import { TickTime, ticksOf } from './uxp-times.ts';

/** What stands in the project panel, as Premiere's UXP has it. */

const TYPE_CLIP = 1;
const TYPE_BIN = 2;
const TYPE_ROOT = 3;

export type World = { readonly project: Project; readonly locks: Locks };

class Named {
	protected readonly world: World;
	protected readonly id: string;
	constructor(world: World, id: string) {
		this.world = world;
		this.id = id;
	}
	/** @internal */
	static idOf(of: unknown): string {
		if (of instanceof Named) return of.id;
		throw new Error('Illegal Parameter type');
	}
	protected get model(): Item {
		return this.world.project.item(this.id);
	}
	get name(): string {
		return this.model.name;
	}
	get type(): number {
		if (this.model.parent === null) return TYPE_ROOT;
		return this.model.kind === 'bin' ? TYPE_BIN : TYPE_CLIP;
	}
	async getColorLabelIndex(): Promise<number> {
		return this.model.label;
	}
	createSetColorLabelAction(inColorLabelIndex: number): Action {
		return this.world.locks.action(() => {
			if (!this.world.project.faults.has('labels are ignored'))
				this.model.label = inColorLabelIndex;
		});
	}
	createSetNameAction(inName: string): Action {
		return this.world.locks.action(() => {
			this.model.name = inName;
		});
	}
}

export class ProjectItem extends Named {
	getId(): string {
		return this.id;
	}
	getParentBin(): FolderItem {
		return new FolderItem(this.world, this.model.parent ?? this.world.project.root);
	}
}

export class FolderItem extends Named {
	async getItems(): Promise<ProjectItem[]> {
		const { project } = this.world;
		return project.childrenOf(this.id).map(({ id }) => new ProjectItem(this.world, id));
	}
	createBinAction(name: string, makeUnique: boolean): Action {
		const { project, locks } = this.world;
		return locks.action(() => {
			const isThere = project.childrenOf(this.id).some((each) => each.name === name);
			const own = isThere && makeUnique ? `${name} 01` : name;
			project.addItem({ kind: 'bin', name: own, parent: this.id });
		});
	}
	createMoveItemAction(item: ProjectItem, newParent: FolderItem): Action {
		const { project, locks } = this.world;
		// It is asked of the folder that the item is in.
		if (project.item(Named.idOf(item)).parent !== this.id) throw new Error('No such item here');
		return locks.action(() => {
			project.item(Named.idOf(item)).parent = Named.idOf(newParent);
		});
	}
}

export class ClipProjectItem extends Named {
	async getMediaFilePath(): Promise<string> {
		return this.world.project.pathOf(this.model);
	}
	async isSequence(): Promise<boolean> {
		return this.model.kind === 'sequence';
	}
	async isOffline(): Promise<boolean> {
		return this.model.isOffline;
	}
	async isMulticamClip(): Promise<boolean> {
		return false;
	}
	async isMergedClip(): Promise<boolean> {
		return false;
	}
	async getMedia(): Promise<Media> {
		return new Media(this.model.media?.duration ?? 0n);
	}
	createSetInOutPointsAction(inPoint: TickTime, outPoint: TickTime): Action {
		const marks = { in: ticksOf(inPoint), out: ticksOf(outPoint) };
		return this.world.locks.action(() => {
			this.model.marks = marks;
		});
	}
	createClearInOutPointsAction(): Action {
		return this.world.locks.action(() => {
			if (!this.world.project.faults.has('marks stay')) this.model.marks = null;
		});
	}
}

export class Media {
	readonly #duration: bigint;
	constructor(duration: bigint) {
		this.#duration = duration;
	}
	get start(): TickTime {
		return new TickTime();
	}
	get duration(): TickTime {
		return new TickTime(this.#duration);
	}
}

export class Component {
	readonly #effect: Effect;
	constructor(effect: Effect) {
		this.#effect = effect;
	}
	async getMatchName(): Promise<string> {
		return this.#effect.matchName;
	}
	async getDisplayName(): Promise<string> {
		return this.#effect.displayName;
	}
}

export class ComponentChain {
	readonly #effects: readonly Effect[];
	constructor(effects: readonly Effect[]) {
		this.#effects = effects;
	}
	getComponentCount(): number {
		return this.#effects.length;
	}
	getComponentAtIndex(componentIndex: number): Component {
		const effect = this.#effects[componentIndex];
		if (!effect) throw new Error('Index out of range');
		return new Component(effect);
	}
}

/** The static halves: they make of one view of an item another. */
export function itemStatics(world: World) {
	return {
		ProjectItem: {
			cast(item: unknown): ProjectItem {
				return new ProjectItem(world, Named.idOf(item));
			},
			TYPE_CLIP,
			TYPE_BIN,
			TYPE_ROOT,
		},
		FolderItem: {
			cast(projectItem: unknown): FolderItem {
				const id = Named.idOf(projectItem);
				if (world.project.item(id).kind !== 'bin') throw new Error('Not a folder');
				return new FolderItem(world, id);
			},
		},
		ClipProjectItem: {
			cast(projectItem: unknown): ClipProjectItem {
				const id = Named.idOf(projectItem);
				if (world.project.item(id).kind === 'bin') throw new Error('Not a clip');
				return new ClipProjectItem(world, id);
			},
		},
	};
}

export const idOfItem = (item: unknown): string => Named.idOf(item);
