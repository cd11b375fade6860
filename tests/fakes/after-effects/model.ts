/** A project of the simulated After Effects as plain data: what is saved, undone and read back. */
export type Model = {
	path: string | null;
	dirty: boolean;
	nextId: number;
	/** The root folder is not among them; its id is 0. */
	items: ItemModel[];
	activeItem: number | null;
};

export type ItemModel = FolderModel | CompModel | FootageModel;

type Shared = { id: number; name: string; comment: string; label: number; parent: number };

export type FolderModel = Shared & { type: 'folder' };

export type CompModel = Shared & {
	type: 'comp';
	width: number;
	height: number;
	pixelAspect: number;
	/** Frames a second, exactly. */
	rate: { num: number; den: number };
	/** Seconds. */
	duration: number;
	displayStartTime: number;
	dropFrame: boolean;
	time: number;
	workAreaStart: number;
	workAreaDuration: number;
	resolutionFactor: [number, number];
	/** Top first. */
	layers: LayerModel[];
};

export type FootageModel = Shared & {
	type: 'footage';
	source: 'file' | 'solid';
	file: string | null;
	missing: boolean;
	width: number;
	height: number;
	frameRate: number;
	conformRate: number;
	loop: number;
	/** Seconds; 0 for a still. */
	duration: number;
	hasVideo: boolean;
	hasAudio: boolean;
};

export type LayerModel = {
	id: number;
	/** Null: its source's. */
	name: string | null;
	type: 'av' | 'text' | 'shape' | 'camera';
	source: number | null;
	startTime: number;
	/** Percent. */
	stretch: number;
	inPoint: number;
	outPoint: number;
	enabled: boolean;
	audioEnabled: boolean;
	solo: boolean;
	locked: boolean;
	selected: boolean;
	comment: string;
	label: number;
	adjustment: boolean;
	isNull: boolean;
	guide: boolean;
	matte: 'none' | 'is' | 'has';
	timeRemap: boolean;
	/** Two components, or three in space. */
	scale: readonly number[];
	/** Values of `scale` at its keys, where it has any. */
	scaleKeys: (readonly number[])[];
	/** In pixels of its media; null: their middle. Stays as it is when the media are replaced. */
	anchor: readonly number[] | null;
	opacity: number;
	effects: { name: string; enabled: boolean }[];
	/** dB. */
	levels: [number, number];
	/** What throws where it is asked for. */
	throws: readonly string[];
};

export const ROOT = 0;

export function emptyModel(): Model {
	return { path: null, dirty: false, nextId: 1, items: [], activeItem: null };
}

export function layerModel(
	model: Model,
	given: Partial<LayerModel> & Pick<LayerModel, 'inPoint' | 'outPoint'>,
): LayerModel {
	return {
		id: model.nextId++,
		name: null,
		type: 'av',
		source: null,
		startTime: given.inPoint,
		stretch: 100,
		enabled: true,
		audioEnabled: true,
		solo: false,
		locked: false,
		selected: false,
		comment: '',
		label: 1,
		adjustment: false,
		isNull: false,
		guide: false,
		matte: 'none',
		timeRemap: false,
		scale: [100, 100],
		scaleKeys: [],
		anchor: null,
		opacity: 100,
		effects: [],
		levels: [0, 0],
		throws: [],
		...given,
	};
}

export function addComp(model: Model, given: Partial<CompModel>): CompModel {
	const comp: CompModel = {
		type: 'comp',
		id: model.nextId++,
		name: 'Comp 1',
		comment: '',
		label: 15,
		parent: ROOT,
		width: 160,
		height: 90,
		pixelAspect: 1,
		rate: { num: 25, den: 1 },
		duration: 10,
		displayStartTime: 0,
		dropFrame: false,
		time: 0,
		workAreaStart: 0,
		workAreaDuration: given.duration ?? 10,
		resolutionFactor: [1, 1],
		layers: [],
		...given,
	};
	model.items.push(comp);
	return comp;
}

export function addFootage(model: Model, given: Partial<FootageModel>): FootageModel {
	const footage: FootageModel = {
		type: 'footage',
		id: model.nextId++,
		name: 'footage',
		comment: '',
		label: 3,
		parent: ROOT,
		source: 'file',
		file: null,
		missing: false,
		width: 160,
		height: 90,
		frameRate: 25,
		conformRate: 0,
		loop: 1,
		duration: 8,
		hasVideo: true,
		hasAudio: true,
		...given,
	};
	model.items.push(footage);
	return footage;
}
