import type { EvalScript } from '../extendscript/eval-script.ts';
import type { EncoderEvent, Project as Model } from './model.ts';
import { importInto, ProjectItem, ProjectItemType } from './script-items.ts';
import { QEApplication, Sequence, type World } from './script-sequence.ts';
import { SequenceCollection, Time } from './script-times.ts';

/** The globals of Premiere's scripts over its model. Their members are checked against the typings. */
export function domOf(project: Model, scripts: EvalScript): Record<string, unknown> {
	return {
		app: new Application({ project, scripts }),
		ProjectItemType,
		Time,
	};
}

export class Application {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	get project(): Project {
		return new Project(this.#world);
	}
	get encoder(): Encoder {
		return new Encoder(this.#world);
	}
	get version(): string {
		return '24.1.0';
	}
	enableQE(): void {
		const { project, scripts } = this.#world;
		if (project.faults.has('there is no QE')) return;
		scripts.engine.global.qe = new QEApplication(this.#world);
	}
}

const TOLD: Readonly<Record<string, EncoderEvent>> = {
	onEncoderJobProgress: 'progress',
	onEncoderJobComplete: 'complete',
	onEncoderJobError: 'error',
	onEncoderJobCanceled: 'cancel',
};

export class Encoder {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	bind(eventName: string, function_: () => void): void {
		const event = TOLD[eventName];
		if (!event) throw new Error(`There is no event ${eventName}`);
		this.#world.project.onEncoder.push({ event, listener: function_ });
	}
}

export class Project {
	readonly #world: World;
	constructor(world: World) {
		this.#world = world;
	}
	get documentID(): string {
		return this.#world.project.id;
	}
	get name(): string {
		return `${this.#world.project.name}.prproj`;
	}
	get path(): string {
		return this.#world.project.path;
	}
	get rootItem(): ProjectItem {
		return new ProjectItem(this.#world.project, this.#world.project.root);
	}
	get sequences(): SequenceCollection {
		const { sequences } = this.#world.project.data;
		return new SequenceCollection(sequences.map(({ id }) => new Sequence(this.#world, id)));
	}
	get activeSequence(): Sequence | undefined {
		const { active } = this.#world.project;
		return active === null ? undefined : new Sequence(this.#world, active);
	}
	importFiles(
		arrayOfFilePathsToImport: readonly string[],
		suppressUI: boolean,
		projectBin: ProjectItem,
		_importAsNumberedStill: boolean,
	): boolean {
		if (!suppressUI) throw new Error('Nobody is here to answer');
		return importInto(this.#world.project, arrayOfFilePathsToImport, projectBin);
	}
}
