import { problem } from '../../extendscript/publish.ts';
import { folder, footageOf, isDone, noteDone } from './project.ts';
import type { RawAction, RawEdit } from './raw.ts';
import { compOf, signatureOf } from './read.ts';

/** The colour that drafts have: orange, as After Effects comes. */
const DRAFT_LABEL = 11;

type Of<K extends RawAction['kind']> = RawAction & { kind: K };

/** What a take-back has to undo, last first. */
type Undo = (() => void)[];

/** Does all of an edit as one step that can be undone, or none of it. */
export function applyEdit(edit: RawEdit): { done: boolean } {
	const comp = compOf(edit.comp);
	if (comp === null) throw problem('no-such-host', 'That composition is not open');
	if (isDone(edit.operation)) return { done: false };
	if (signatureOf(comp) !== edit.signature) {
		throw problem('host-refused', 'The composition has changed in this moment', 'Try again.');
	}
	const undo: Undo = [];
	app.beginUndoGroup(edit.label);
	app.beginSuppressDialogs();
	try {
		applyActions(edit, comp, undo);
		noteDone(edit.operation, edit.project);
		return { done: true };
	} catch (error) {
		for (let at = undo.length - 1; at >= 0; at -= 1) (undo[at] as () => void)();
		throw error;
	} finally {
		app.endSuppressDialogs(false);
		app.endUndoGroup();
	}
}

function applyActions({ actions, frame }: RawEdit, comp: CompItem, undo: Undo): void {
	// Indices change with every layer that comes or goes: all are looked up first.
	const layers: (AVLayer | null)[] = [];
	for (const action of actions) layers.push(layerOf(comp, action));
	for (let at = 0; at < actions.length; at += 1) {
		const action = actions[at] as RawAction;
		const layer = layers[at] as AVLayer | null;
		if (action.kind === 'place') place(action, comp, layer, frame, undo);
		else if (action.kind === 'bin') footage(action.path, action.name, undo);
		else if (action.kind === 'swap') swap(action, layer as AVLayer, frame, undo);
		else if (action.kind === 'silence') silence(action, layer as AVLayer, undo);
	}
	// What is gone cannot be brought back: last.
	for (let at = 0; at < actions.length; at += 1) {
		if ((actions[at] as RawAction).kind === 'remove') (layers[at] as AVLayer).remove();
	}
}

function layerOf(comp: CompItem, action: RawAction): AVLayer | null {
	if (action.kind === 'bin') return null;
	if (action.kind === 'place') {
		return action.above === null ? null : (comp.layer(action.above) as AVLayer);
	}
	const layer = comp.layer(action.layer) as AVLayer;
	if (!layer.locked) return layer;
	throw problem(
		'placement-conflict',
		`The layer ${layer.name} is locked`,
		'Unlock the layer in After Effects, then land the clip again.',
	);
}

function place(
	action: Of<'place'>,
	comp: CompItem,
	above: Layer | null,
	frame: number,
	undo: Undo,
): void {
	const item = footage(action.path, action.name, undo);
	const count = comp.numLayers;
	const layer = comp.layers.add(item);
	// What is there already must not be taken for what was to be made.
	if (comp.numLayers !== count + 1 || layer.source !== item) {
		throw problem('host-refused', `After Effects made no layer of ${action.path}`);
	}
	undo.push(() => layer.remove());
	// A preference puts new layers at the playhead or at the start, whatever is wanted.
	layer.startTime = action.in;
	layer.inPoint = action.in;
	layer.outPoint = action.out;
	layer.name = action.name;
	layer.comment = action.comment;
	layer.label = action.draft ? DRAFT_LABEL : item.label;
	layer.enabled = action.video;
	if (layer.hasAudio) layer.audioEnabled = action.audio;
	if (action.video) fitInto(layer, item, comp);
	if (above === null) layer.moveToEnd();
	else layer.moveBefore(above);
	checkTimes(layer, action.in, action.out, frame);
	const wanted = above === null ? comp.numLayers : above.index - 1;
	if (layer.index === wanted) return;
	throw problem(
		'host-refused',
		`Expected ${action.name} at place ${wanted} of the layers, After Effects left it at ${layer.index}`,
	);
}

function swap(action: Of<'swap'>, layer: AVLayer, frame: number, undo: Undo): void {
	const item = footage(action.path, action.name, undo);
	const { name, label, inPoint, outPoint, startTime, audioEnabled } = layer;
	const before = layer.source as AVItem;
	const set = (source: AVItem) => {
		const by = [before.width / item.width, before.height / item.height];
		const isBack = source === before;
		layer.replaceSource(source, false);
		rescale(layer, isBack ? [1 / (by[0] as number), 1 / (by[1] as number)] : by);
		// Other media may be shorter for a moment, and trim what they are put into.
		layer.startTime = startTime;
		layer.inPoint = inPoint;
		layer.outPoint = outPoint;
		if (layer.hasAudio) layer.audioEnabled = audioEnabled;
	};
	undo.push(() => {
		set(before);
		layer.name = name;
		layer.label = label;
	});
	set(item);
	layer.name = action.name;
	// A colour that the person has chosen stays; that of a draft goes with the draft.
	if (action.draft) layer.label = DRAFT_LABEL;
	else if (label === DRAFT_LABEL) layer.label = item.label;
	checkTimes(layer, inPoint, outPoint, frame);
	if (layer.source === item) return;
	throw problem('host-refused', `After Effects did not give ${name} the media of ${action.path}`);
}

/** One of the two media of a layer goes, the other one stays. */
function silence(action: Of<'silence'>, layer: AVLayer, undo: Undo): void {
	const { enabled, audioEnabled, comment } = layer;
	undo.push(() => {
		layer.enabled = enabled;
		layer.audioEnabled = audioEnabled;
		layer.comment = comment;
	});
	if (action.of === 'video') layer.enabled = false;
	else layer.audioEnabled = false;
	layer.comment = action.comment;
}

/** A file as footage in our folder: what is there already, else imported. */
function footage(path: string, name: string, undo: Undo): FootageItem {
	const known = footageOf(path);
	if (known !== null) return known;
	const file = new File(path);
	if (!file.exists) throw problem('media-offline', `Expected a clip at ${path}, found none`);
	const options = new ImportOptions(file);
	if (!options.canImportAs(ImportAsType.FOOTAGE)) throw unreadable(path);
	options.importAs = ImportAsType.FOOTAGE;
	options.sequence = false;
	const made = app.project.importFile(options);
	undo.push(() => made.remove());
	if (!(made instanceof FootageItem)) throw unreadable(path);
	made.parentFolder = folder();
	made.name = name;
	return made;
}

function unreadable(path: string): unknown {
	return problem('media-unreadable', `After Effects cannot read ${path}`);
}

/** As large as the composition, as clips that were made smaller are. */
function fitInto(layer: AVLayer, item: AVItem, comp: CompItem): void {
	const { width, height, pixelAspect } = item;
	const across = (comp.width * comp.pixelAspect) / (width * pixelAspect);
	const factor = Math.min(across, comp.height / height);
	multiply(layer, 'ADBE Scale', [factor, factor]);
}

/** Other media of another size keep the size and the place that they are seen in. */
function rescale(layer: AVLayer, by: number[]): void {
	const [across, down] = by as [number, number];
	multiply(layer, 'ADBE Scale', [across, down]);
	// In pixels of the media.
	multiply(layer, 'ADBE Anchor Point', [1 / across, 1 / down]);
}

/** The first two components of a property of the layer's transform, at all its keys. */
function multiply(layer: AVLayer, name: string, by: [number, number]): void {
	const [across, down] = by;
	if (Math.abs(across - 1) < 0.001 && Math.abs(down - 1) < 0.001) return;
	const group = layer.property('ADBE Transform Group') as PropertyGroup;
	const property = group.property(name) as ThreeDProperty;
	if (property.numKeys === 0) {
		property.setValue(multiplied(property.value));
		return;
	}
	for (let key = 1; key <= property.numKeys; key += 1) {
		property.setValueAtKey(key, multiplied(property.keyValue(key)));
	}

	/** As many components as it has: a layer in space refuses two. */
	function multiplied(value: number[]): [number, number, number] {
		const all = value.slice() as [number, number, number];
		all[0] *= across;
		all[1] *= down;
		return all;
	}
}

function checkTimes(layer: Layer, from: number, to: number, frame: number): void {
	const { inPoint, outPoint, name } = layer;
	if (Math.abs(inPoint - from) < frame / 4 && Math.abs(outPoint - to) < frame / 4) return;
	throw problem(
		'host-refused',
		`Expected ${name} from ${from} to ${to} s, After Effects put it from ${inPoint} to ${outPoint} s`,
	);
}
