import { told } from '../../extendscript/told.ts';
import { rawProject } from './project.ts';
import type { RawComp, RawCompHead, RawLayer, RawSpan, RawState } from './raw.ts';

/** The composition that was in front last: a person who clicks on footage has not left it. */
let front: { id: number; file: string } | null = null;

export function rawState(): RawState {
	const { project } = app;
	const comp = project ? compInFront() : null;
	return {
		project: project ? rawProject() : null,
		comp: comp === null ? null : headOf(comp),
		rendering: project ? project.renderQueue.rendering : false,
		mayWrite: mayWrite(),
	};
}

export function rawComp(id: number): RawComp | null {
	const comp = compOf(id);
	if (comp === null) return null;
	const head = headOf(comp) as RawComp;
	head.width = comp.width;
	head.height = comp.height;
	head.pixelAspect = comp.pixelAspect;
	head.dropFrame = comp.dropFrame === true;
	head.layers = [];
	for (let at = 1; at <= comp.numLayers; at += 1) {
		head.layers.push(layerOf(comp.layer(at), at, comp));
	}
	head.signature = signatureOf(comp);
	return head;
}

export function compOf(id: number): CompItem | null {
	const { project } = app;
	for (let at = 1; at <= project.numItems; at += 1) {
		const item = project.item(at);
		if (item.id === id && item instanceof CompItem) return item;
	}
	return null;
}

/** Two stacks of layers of which an edit would hit other layers have two signatures. */
export function signatureOf(comp: CompItem): string {
	const parts: string[] = [];
	for (let at = 1; at <= comp.numLayers; at += 1) {
		const layer = comp.layer(at);
		parts.push(
			String(told(() => `${layer.name} ${layer.inPoint} ${layer.outPoint} ${layer.startTime}`)),
		);
	}
	return parts.join('\n');
}

/** The preference “Allow Scripts to Write Files and Access Network”. */
export function mayWrite(): boolean | null {
	const section = 'Main Pref Section v2';
	const key = 'Pref_SCRIPTING_FILE_NETWORK_SECURITY';
	try {
		if (!app.preferences.havePref(section, key)) return null;
		return app.preferences.getPrefAsLong(section, key) === 1;
	} catch (_error) {
		return null;
	}
}

function compInFront(): CompItem | null {
	const { activeItem, file } = app.project;
	const where = file ? file.fsName : '';
	if (activeItem instanceof CompItem) {
		front = { id: activeItem.id, file: where };
		return activeItem;
	}
	if (front === null) return null;
	return front.file === where || front.file === '' ? compOf(front.id) : null;
}

function headOf(comp: CompItem): RawCompHead {
	const selected: RawSpan[] = [];
	for (const layer of comp.selectedLayers) {
		const span = told(() => spanOf(layer));
		if (span !== null) selected.push(span);
	}
	return {
		id: comp.id,
		name: comp.name,
		frameRate: comp.frameRate,
		duration: comp.duration,
		displayStartTime: comp.displayStartTime,
		time: comp.time,
		workAreaStart: comp.workAreaStart,
		workAreaDuration: comp.workAreaDuration,
		selected,
	};
}

function layerOf(layer: Layer, index: number, comp: CompItem): RawLayer {
	const span = told(() => spanOf(layer));
	const raw: RawLayer = {
		index,
		name: told(() => layer.name) || `Layer ${index}`,
		kind: 'unseen',
		isAdjustment: false,
		isNull: false,
		isGuide: false,
		isMatte: false,
		path: null,
		isMissing: false,
		isStill: false,
		loop: 1,
		nativeRate: 0,
		conformRate: 0,
		// One that does not say when it is there may be so all the time.
		in: span ? span.in : 0,
		out: span ? span.out : comp.duration,
		start: 0,
		stretch: 100,
		isRemapped: false,
		hasVideo: true,
		hasAudio: false,
		enabled: true,
		audioEnabled: false,
		solo: false,
		locked: false,
		levels: null,
		looks: [],
		comment: '',
	};
	if (span === null || told(() => described(raw, layer, comp)) === null) raw.kind = 'untold';
	return raw;
}

function spanOf(layer: Layer): RawSpan {
	return { in: layer.inPoint, out: layer.outPoint };
}

function described(raw: RawLayer, layer: Layer, comp: CompItem): RawLayer {
	const { matchName } = layer;
	raw.isNull = layer.nullLayer;
	raw.hasVideo = layer.hasVideo;
	raw.enabled = layer.enabled;
	raw.solo = layer.solo;
	raw.locked = layer.locked;
	raw.comment = layer.comment;
	raw.start = layer.startTime;
	raw.stretch = layer.stretch;
	// By their match names, which no version and no language has otherwise.
	if (matchName === 'ADBE Text Layer') raw.kind = 'text';
	else if (matchName === 'ADBE Vector Layer') raw.kind = 'shape';
	if (raw.kind !== 'unseen' || matchName === 'ADBE AV Layer') addMedia(raw, layer as AVLayer, comp);
	return raw;
}

function addMedia(raw: RawLayer, layer: AVLayer, comp: CompItem): void {
	raw.isAdjustment = layer.adjustmentLayer;
	raw.isGuide = layer.guideLayer;
	raw.isMatte = layer.isTrackMatte;
	raw.hasAudio = layer.hasAudio;
	raw.audioEnabled = layer.hasAudio && layer.audioEnabled;
	raw.isRemapped = layer.timeRemapEnabled;
	raw.looks = told(() => looksOf(layer, comp)) || ['looks that After Effects does not tell'];
	const { source } = layer as { source: CompItem | FootageItem | null };
	if (raw.hasAudio) raw.levels = told(() => levelsOf(layer));
	if (source instanceof CompItem) raw.kind = 'comp';
	if (!(source instanceof FootageItem)) return;
	const { mainSource } = source;
	raw.isMissing = source.footageMissing;
	raw.isStill = mainSource.isStill;
	raw.loop = mainSource.loop;
	raw.nativeRate = mainSource.nativeFrameRate;
	raw.conformRate = mainSource.conformFrameRate;
	if (mainSource instanceof SolidSource) {
		raw.kind = 'solid';
	} else if (mainSource instanceof FileSource) {
		raw.kind = 'footage';
		const lost = mainSource.missingFootagePath;
		raw.path = raw.isMissing && lost ? lost : fileName(source.file);
	} else {
		raw.kind = 'placeholder';
	}
}

function fileName(file: File | null): string | null {
	return file ? file.fsName : null;
}

function levelsOf(layer: AVLayer): number[] | null {
	const group = layer.property('ADBE Audio Group') as PropertyGroup | null;
	const levels = group ? (group.property('ADBE Audio Levels') as TwoDProperty | null) : null;
	if (!levels) return [0, 0];
	return levels.isTimeVarying ? null : levels.value;
}

/** What the file alone does not show. */
function looksOf(layer: AVLayer, comp: CompItem): string[] {
	const looks: string[] = [];
	const effects = layer.property('ADBE Effect Parade') as PropertyGroup | null;
	if (effects && layer.effectsActive) {
		for (let at = 1; at <= effects.numProperties; at += 1) {
			const effect = effects.property(at);
			if (effect.enabled) looks.push(effect.name);
		}
	}
	const masks = layer.property('ADBE Mask Parade') as PropertyGroup | null;
	if (masks && masks.numProperties > 0) looks.push('masked');
	if (layer.hasTrackMatte) looks.push('track matte');
	if (layer.threeDLayer) looks.push('3D layer');
	if (layer.parent !== null) looks.push('parented');
	if (layer.blendingMode !== BlendingMode.NORMAL) looks.push('blending mode');
	const place = layer.property('ADBE Transform Group') as PropertyGroup | null;
	if (place) {
		if (isOther(place, 'ADBE Scale', [100, 100])) looks.push('scaled');
		if (isOther(place, 'ADBE Position', [comp.width / 2, comp.height / 2])) looks.push('moved');
		if (isOther(place, 'ADBE Rotate Z', [0])) looks.push('rotated');
		if (isOther(place, 'ADBE Opacity', [100])) looks.push('see-through');
	}
	if (layer.width !== comp.width || layer.height !== comp.height) looks.push('of another size');
	return looks;
}

function isOther(group: PropertyGroup, name: string, plain: number[]): boolean {
	const property = group.property(name) as Property<OneDType | TwoDType> | null;
	if (!property) return false;
	if (property.isTimeVarying) return true;
	const found: number | number[] = property.value;
	const values = typeof found === 'number' ? [found] : found;
	for (let at = 0; at < plain.length; at += 1) {
		if (Math.abs((values[at] as number) - (plain[at] as number)) > 0.001) return true;
	}
	return false;
}
