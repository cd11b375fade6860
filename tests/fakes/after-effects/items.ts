import type { Faces } from './dom.ts';
import type { CompModel, FolderModel, FootageModel, ItemModel } from './model.ts';

type ItemFace =
	| 'Item'
	| 'FolderItem'
	| 'AVItem'
	| 'CompItem'
	| 'FootageItem'
	| 'FootageSource'
	| 'FileSource'
	| 'SolidSource'
	| 'ItemCollection';

/** The classes of what stands in the project panel. Only the published members are visible to scripts. */
export function itemFaces(faces: Faces): Readonly<Record<ItemFace, new (id: number) => object>> {
	const { program } = faces;

	class Item {
		readonly #id: number;

		constructor(id: number) {
			this.#id = id;
		}

		get id(): number {
			return this.#id;
		}

		get name(): string {
			return faces.item(this.#id).name;
		}

		set name(name: string) {
			this.#set({ name });
		}

		get comment(): string {
			return faces.item(this.#id).comment;
		}

		set comment(comment: string) {
			this.#set({ comment });
		}

		get label(): number {
			return faces.item(this.#id).label;
		}

		set label(label: number) {
			this.#set({ label });
		}

		get parentFolder(): unknown {
			return faces.faceOf(faces.item(this.#id).parent);
		}

		set parentFolder(folder: unknown) {
			this.#set({ parent: (folder as Item).id });
		}

		remove(): void {
			program.change('Delete', (model) => {
				model.items = model.items.filter(({ id }) => id !== this.#id);
				for (const item of model.items) {
					if (item.type !== 'comp') continue;
					item.layers = item.layers.filter(({ source }) => source !== this.#id);
				}
			});
		}

		#set(change: Partial<ItemModel>): void {
			program.change('Change item', () => Object.assign(faces.item(this.#id), change));
		}
	}

	class FolderItem extends Item {
		get numItems(): number {
			return this.#items.length;
		}

		item(index: number): unknown {
			return faces.faceOf(faces.at(this.#items, index).id);
		}

		get #items(): readonly ItemModel[] {
			return program.model.items.filter(({ parent }) => parent === this.id);
		}
	}

	class AVItem extends Item {
		get width(): number {
			return this.#sized.width;
		}

		get height(): number {
			return this.#sized.height;
		}

		get pixelAspect(): number {
			const { type } = this.#sized;
			return type === 'comp' ? (this.#sized as CompModel).pixelAspect : 1;
		}

		get duration(): number {
			return this.#sized.duration;
		}

		get footageMissing(): boolean {
			const found = this.#sized;
			return found.type === 'footage' && found.missing;
		}

		get #sized(): CompModel | FootageModel {
			return faces.item(this.id) as CompModel | FootageModel;
		}
	}

	class CompItem extends AVItem {
		/** Kept to 1/65536 of a frame. */
		get frameRate(): number {
			const { num, den } = this.#comp.rate;
			return den === 1 ? num : Math.floor(Math.round((num / den) * 1000) * 65.536) / 65_536;
		}

		get displayStartTime(): number {
			return this.#comp.displayStartTime;
		}

		get dropFrame(): boolean {
			return this.#comp.dropFrame;
		}

		get time(): number {
			return this.#comp.time;
		}

		set time(time: number) {
			// Moving the playhead is no step that can be undone.
			this.#comp.time = time;
		}

		get workAreaStart(): number {
			return this.#comp.workAreaStart;
		}

		get workAreaDuration(): number {
			return this.#comp.workAreaDuration;
		}

		get numLayers(): number {
			return this.#comp.layers.length;
		}

		get layers(): unknown {
			return faces.layersOf(this.id);
		}

		get selectedLayers(): unknown {
			const chosen = this.#comp.layers.filter(({ selected }) => selected);
			return faces.array(chosen.map(({ id }) => faces.layerFace(this.id, id)));
		}

		get resolutionFactor(): unknown {
			return faces.array(this.#comp.resolutionFactor);
		}

		set resolutionFactor(factor: unknown) {
			const [across, down] = Array.from(factor as ArrayLike<number>) as [number, number];
			program.change('Resolution', () => {
				this.#comp.resolutionFactor = [across, down];
			});
		}

		layer(index: number): unknown {
			return faces.layerFace(this.id, faces.at(this.#comp.layers, index).id);
		}

		saveFrameToPng(time: number, file: { readonly fsName: string }): void {
			if (program.faults.filesOff) throw new Error('After Effects error: can not write the file.');
			program.writeFrame(this.id, time, file.fsName);
		}

		get #comp(): CompModel {
			return faces.item(this.id) as CompModel;
		}
	}

	class FootageItem extends AVItem {
		get file(): unknown {
			const { file } = faces.item(this.id) as FootageModel;
			return file === null ? null : faces.file(file);
		}

		get mainSource(): unknown {
			const found = faces.item(this.id) as FootageModel;
			return found.source === 'solid' ? new SolidSource(this.id) : new FileSource(this.id);
		}
	}

	class FootageSource {
		readonly #id: number;

		constructor(id: number) {
			this.#id = id;
		}

		get isStill(): boolean {
			return (faces.item(this.#id) as FootageModel).duration === 0;
		}

		get loop(): number {
			return (faces.item(this.#id) as FootageModel).loop;
		}

		get nativeFrameRate(): number {
			return (faces.item(this.#id) as FootageModel).frameRate;
		}

		get conformFrameRate(): number {
			return (faces.item(this.#id) as FootageModel).conformRate;
		}
	}

	class FileSource extends FootageSource {
		readonly #item: number;

		constructor(id: number) {
			super(id);
			this.#item = id;
		}

		get missingFootagePath(): string {
			const { missing, file } = faces.item(this.#item) as FootageModel;
			return missing ? (file ?? '') : '';
		}
	}

	class SolidSource extends FootageSource {}

	class ItemCollection {
		addFolder(name: string): unknown {
			const folder: FolderModel = program.change('New folder', (model) => {
				const made: FolderModel = {
					type: 'folder',
					id: model.nextId++,
					name,
					comment: '',
					label: 2,
					parent: 0,
				};
				model.items.push(made);
				return made;
			});
			return faces.faceOf(folder.id);
		}
	}

	return {
		Item,
		FolderItem,
		AVItem,
		CompItem,
		FootageItem,
		FootageSource,
		FileSource,
		SolidSource,
		ItemCollection,
	};
}
