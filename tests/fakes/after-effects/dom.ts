import type { ScriptEngine } from '../extendscript/engine.ts';
import { itemFaces } from './items.ts';
import { layerFaces } from './layers.ts';
import { addFootage, type CompModel, type ItemModel, type LayerModel, ROOT } from './model.ts';
import type { AfterEffects } from './program.ts';

/** What the classes that scripts see need of each other and of the model. */
export type Faces = {
	readonly program: AfterEffects;
	readonly item: (id: number) => ItemModel;
	readonly layer: (comp: number, id: number) => LayerModel;
	/** The one object that stands for an item, or for a layer, in all scripts. */
	readonly faceOf: (id: number) => unknown;
	readonly layerFace: (comp: number, id: number) => unknown;
	readonly layersOf: (comp: number) => unknown;
	/** The first is 1. Throws as After Effects does. */
	readonly at: <T>(list: readonly T[], index: number) => T;
	readonly isHeard: (item: number) => boolean;
	readonly file: (path: string) => unknown;
	/** An array of the scripts' own world. */
	readonly array: (values: readonly unknown[]) => unknown;
	readonly value: (value: number | readonly number[]) => unknown;
};

/** The globals of After Effects over its model. */
export function domOf(program: AfterEffects, engine: ScriptEngine): Record<string, unknown> {
	const known = new Map<string, unknown>();
	const once = (key: string, make: () => unknown) => {
		if (!known.has(key)) known.set(key, make());
		return known.get(key);
	};
	const array = (values: readonly unknown[]) => {
		const made = engine.run('[]') as unknown[];
		for (const value of values) made.push(value);
		return made;
	};
	const faces: Faces = {
		program,
		item(id) {
			const found = program.model.items.find((item) => item.id === id);
			if (found) return found;
			throw new Error('After Effects error: Object is invalid.');
		},
		layer(comp, id) {
			const found = (faces.item(comp) as CompModel).layers.find((layer) => layer.id === id);
			if (found) return found;
			throw new Error('After Effects error: Object is invalid.');
		},
		faceOf: (id) =>
			once(`item ${id}`, () => {
				if (id === ROOT) return new items.FolderItem(ROOT);
				const { type } = faces.item(id);
				if (type === 'folder') return new items.FolderItem(id);
				return type === 'comp' ? new items.CompItem(id) : new items.FootageItem(id);
			}),
		layerFace: (comp, id) =>
			once(`layer ${comp} ${id}`, () => {
				const { type, throws } = faces.layer(comp, id);
				const layer = type === 'camera' ? new layers.Layer(comp, id) : new layers.AVLayer(comp, id);
				const get = () => {
					throw new Error('After Effects error: internal verification failure.');
				};
				for (const name of throws) Object.defineProperty(layer, name, { get });
				return layer;
			}),
		layersOf: (comp) => new layers.LayerCollection(comp),
		at(list, index) {
			const found = list[index - 1];
			if (found !== undefined) return found;
			throw new Error(`After Effects error: value ${index} out of range 1 to ${list.length}.`);
		},
		isHeard(id) {
			const item = faces.item(id);
			if (item.type === 'footage') return item.hasAudio;
			return (
				item.type === 'comp' &&
				item.layers.some(({ source }) => source !== null && faces.isHeard(source))
			);
		},
		file: (path) => engine.run(`File(${JSON.stringify(path)})`),
		array,
		value: (value) => (typeof value === 'number' ? value : array(value)),
	};
	const items = itemFaces(faces);
	const layers = layerFaces(faces);

	class ImportOptions {
		importAs = 0;
		sequence = false;
		file: { readonly fsName: string };

		constructor(file: { readonly fsName: string }) {
			this.file = file;
		}

		canImportAs(_type: number): boolean {
			return /\.(mov|mp4|wav|png)$/i.test(this.file.fsName);
		}
	}

	class Project {
		get file(): unknown {
			const { path } = program.model;
			return path === null ? null : faces.file(path);
		}

		get rootFolder(): unknown {
			return faces.faceOf(ROOT);
		}

		get items(): unknown {
			return new items.ItemCollection(ROOT);
		}

		get numItems(): number {
			return program.model.items.length;
		}

		get activeItem(): unknown {
			const { activeItem } = program.model;
			return activeItem === null ? null : faces.faceOf(activeItem);
		}

		get renderQueue(): unknown {
			return new RenderQueue();
		}

		item(index: number): unknown {
			return faces.faceOf(faces.at(program.model.items, index).id);
		}

		importFile(importOptions: ImportOptions): unknown {
			const { fsName } = importOptions.file;
			if (program.faults.importFails) {
				throw new Error('After Effects error: the file format module could not parse the file.');
			}
			const probed = program.probe(fsName);
			const name = fsName.replace(/.*\//, '');
			const made = program.change('Import', (model) => addFootage(model, { ...probed, name }));
			return faces.faceOf(made.id);
		}
	}

	class RenderQueue {
		get rendering(): boolean {
			return program.rendering;
		}
	}

	class Preferences {
		havePref(section: string, key: string): boolean {
			return section === 'Main Pref Section v2' && key === 'Pref_SCRIPTING_FILE_NETWORK_SECURITY';
		}

		getPrefAsLong(_section: string, _key: string): number {
			return program.faults.filesOff ? 0 : 1;
		}
	}

	class Application {
		get project(): unknown {
			return once('project', () => new Project());
		}

		get version(): string {
			return '26.0x52';
		}

		get preferences(): unknown {
			return once('preferences', () => new Preferences());
		}

		beginUndoGroup(undoString: string): void {
			program.beginGroup(undoString);
		}

		endUndoGroup(): void {
			program.endGroup();
		}

		beginSuppressDialogs(): void {}

		endSuppressDialogs(_alert: boolean): void {}
	}

	return {
		app: new Application(),
		...items,
		...layers,
		...{ ImportOptions, Project, RenderQueue, Preferences, Application },
		ImportAsType: { FOOTAGE: 3813 },
		BlendingMode: { NORMAL: 1 },
	};
}
