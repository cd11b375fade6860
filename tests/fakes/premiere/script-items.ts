import { parseXml, XmlElement, XmlText } from '@rgrove/parse-xml';
import { LATE } from './frames.ts';
import type { Effect, Item, Project } from './model.ts';
import { ProjectItemCollection, Time, ticksOf } from './script-times.ts';

/** What stands in the project panel, as Premiere's scripts have it. Each call is an undo step. */

const PRIVATE = 'http://ns.adobe.com/premierePrivateProjectMetaData/1.0/';
const LOG_NOTE = 'Column.Intrinsic.LogNote';

export const ProjectItemType = { CLIP: 1, BIN: 2, ROOT: 3, FILE: 4 };

export class Component {
	readonly #effect: Effect;
	constructor(effect: Effect) {
		this.#effect = effect;
	}
	get matchName(): string {
		return this.#effect.matchName;
	}
	get displayName(): string {
		return this.#effect.displayName;
	}
}

export class ProjectItem {
	readonly #project: Project;
	readonly #id: string;
	constructor(project: Project, id: string) {
		this.#project = project;
		this.#id = id;
		if (project.faults.has('items have no clearInPoint')) {
			Object.assign(this, { clearInPoint: undefined });
		}
	}
	/** @internal */
	static idOf(of: unknown): string {
		if (of instanceof ProjectItem) return of.#id;
		throw new Error('Illegal Parameter type');
	}
	get #model(): Item {
		return this.#project.item(this.#id);
	}
	get nodeId(): string {
		return this.#id;
	}
	get name(): string {
		return this.#model.name;
	}
	set name(name: string) {
		this.#project.step('Rename', () => {
			this.#model.name = String(name);
		});
	}
	get type(): number {
		if (this.#model.parent === null) return ProjectItemType.ROOT;
		return this.#model.kind === 'bin' ? ProjectItemType.BIN : ProjectItemType.CLIP;
	}
	get children(): ProjectItemCollection {
		const items = this.#project.childrenOf(this.#id);
		return new ProjectItemCollection(items.map(({ id }) => new ProjectItem(this.#project, id)));
	}
	createBin(name: string): ProjectItem {
		let made = '';
		this.#project.step('New Bin', () => {
			made = this.#project.addItem({ kind: 'bin', name, parent: this.#id }).id;
		});
		return new ProjectItem(this.#project, made);
	}
	moveBin(destination: ProjectItem): void {
		this.#project.step('Move', () => {
			this.#model.parent = ProjectItem.idOf(destination);
		});
	}
	getMediaPath(): string {
		return this.#project.pathOf(this.#model);
	}
	isOffline(): boolean {
		return this.#model.isOffline;
	}
	isSequence(): boolean {
		return this.#model.kind === 'sequence';
	}
	isMultiCamClip(): boolean {
		return false;
	}
	isMulticamClip(): boolean {
		return false;
	}
	isMergedClip(): boolean {
		return false;
	}
	/** Scripts know a colour more than UXP does: Caribbean, the third. */
	getColorLabel(): number {
		const { label } = this.#model;
		return label < 2 ? label : label + 1;
	}
	setColorLabel(newColor: number): void {
		if (this.#project.faults.has('labels are ignored')) return;
		this.#project.step('Label', () => {
			this.#model.label = newColor < 3 ? newColor : newColor - 1;
		});
	}
	getInPoint(): Time {
		return new Time(this.#model.marks?.in ?? 0n);
	}
	getOutPoint(): Time {
		return new Time(this.#model.marks?.out ?? this.#duration);
	}
	setInPoint(seconds: Time, p2: number): void {
		if (p2 !== 4) throw new Error('Of all media, or not at all');
		this.#mark(ticksOf(seconds), this.#model.marks?.out ?? this.#duration);
	}
	setOutPoint(seconds: Time, p2: number): void {
		if (p2 !== 4) throw new Error('Of all media, or not at all');
		this.#mark(this.#model.marks?.in ?? 0n, ticksOf(seconds));
	}
	clearInPoint(): boolean {
		if (!this.#project.faults.has('marks stay')) {
			this.#mark(0n, this.#model.marks?.out ?? this.#duration);
		}
		return true;
	}
	clearOutPoint(): boolean {
		if (!this.#project.faults.has('marks stay')) {
			this.#mark(this.#model.marks?.in ?? 0n, this.#duration);
		}
		return true;
	}
	getProjectMetadata(): string {
		return packetOf(this.#model.metadata);
	}
	setProjectMetadata(buffer: string, keysToBeUpdated: readonly string[]): void {
		if (this.#project.faults.has('notes are refused')) throw new Error('Unknown error');
		for (let at = 0; at < keysToBeUpdated.length; at += 1) {
			const key = keysToBeUpdated[at];
			if (key !== LOG_NOTE) throw new Error(`Nobody here knows ${key}`);
			const text = noteIn(buffer);
			this.#project.step('Metadata', () => {
				this.#model.metadata = text;
			});
		}
	}
	get #duration(): bigint {
		return this.#model.media?.duration ?? 0n;
	}
	#mark(from: bigint, to: bigint): void {
		const isWhole = from === 0n && to === this.#duration;
		this.#model.marks = isWhole ? null : { in: from, out: to };
	}
}

/** Imports say yes to everything, and may be late. */
export function importInto(project: Project, paths: readonly string[], bin: ProjectItem): boolean {
	const folder = ProjectItem.idOf(bin);
	const work = () => {
		for (let at = 0; at < paths.length; at += 1) project.importFile(paths[at]!, folder);
	};
	if (project.faults.has('an import comes late')) setTimeout(work, LATE);
	else work();
	return true;
}

function packetOf(note: string): string {
	const text = note.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
	return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:premierePrivateProjectMetaData="${PRIVATE}"><premierePrivateProjectMetaData:${LOG_NOTE}>${text}</premierePrivateProjectMetaData:${LOG_NOTE}></rdf:Description></rdf:RDF></x:xmpmeta>`;
}

/** The log note of a packet. Throws where that is no XMP of Premiere's. */
function noteIn(packet: string): string {
	const { root } = parseXml(packet);
	const [rdf] = childrenOf(root!);
	const [description] = childrenOf(rdf!);
	const prefix = 'premierePrivateProjectMetaData';
	if (description?.attributes[`xmlns:${prefix}`] !== PRIVATE) throw new Error('Not of Premiere');
	const found = childrenOf(description).find(({ name }) => name === `${prefix}:${LOG_NOTE}`);
	const texts = found?.children.filter((each) => each instanceof XmlText) ?? [];
	return texts.map(({ text }) => text).join('');
}

function childrenOf(element: XmlElement): readonly XmlElement[] {
	return element.children.filter((each) => each instanceof XmlElement);
}
