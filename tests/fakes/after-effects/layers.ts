import type { Faces } from './dom.ts';
import { type CompModel, type FootageModel, type LayerModel, layerModel } from './model.ts';

type LayerFaces = Readonly<
	Record<'Layer' | 'AVLayer', new (comp: number, id: number) => object> &
		Record<'LayerCollection', new (comp: number) => object> &
		Record<'PropertyBase' | 'Property' | 'PropertyGroup', new (...given: never) => object>
>;

/** The classes of what stands in a composition. */
export function layerFaces(faces: Faces): LayerFaces {
	const { program } = faces;
	const ignores = (what: string) => program.faults.ignores === what;

	class PropertyBase {
		readonly #name: string;

		constructor(name: string) {
			this.#name = name;
		}

		get matchName(): string {
			return this.#name;
		}
	}

	/** `value`: as scripts read it; `keys`: its values at keys. */
	class Property extends PropertyBase {
		readonly #of: PropertyOf;

		constructor(name: string, of: PropertyOf) {
			super(name);
			this.#of = of;
		}

		get value(): unknown {
			return faces.value(this.#of.value());
		}

		get isTimeVarying(): boolean {
			return this.#of.keys().length > 0;
		}

		get numKeys(): number {
			return this.#of.keys().length;
		}

		keyValue(index: number): unknown {
			return faces.value(faces.at(this.#of.keys(), index));
		}

		setValue(value: unknown): void {
			this.#of.set(plainOf(value), null);
		}

		setValueAtKey(index: number, value: unknown): void {
			this.#of.set(plainOf(value), index - 1);
		}
	}

	class PropertyGroup extends PropertyBase {
		readonly #inside: () => readonly [name: string, face: unknown][];

		constructor(name: string, inside: () => readonly [name: string, face: unknown][]) {
			super(name);
			this.#inside = inside;
		}

		get numProperties(): number {
			return this.#inside().length;
		}

		property(of: string | number): unknown {
			const all = this.#inside();
			if (typeof of === 'number') return faces.at(all, of)[1];
			return all.find(([name]) => name === of)?.[1] ?? null;
		}
	}

	class Effect extends PropertyGroup {
		readonly #of: { name: string; enabled: boolean };

		constructor(of: { name: string; enabled: boolean }) {
			super('ADBE Effect', () => []);
			this.#of = of;
		}

		/** As the person's language calls it. */
		get name(): string {
			return this.#of.name;
		}

		get enabled(): boolean {
			return this.#of.enabled;
		}
	}

	class Layer extends PropertyGroup {
		readonly #comp: number;
		readonly #id: number;

		constructor(comp: number, id: number) {
			super(MATCH_NAMES[faces.layer(comp, id).type], () => propertiesOf(comp, id));
			this.#comp = comp;
			this.#id = id;
		}

		get index(): number {
			return this.#stack.findIndex(({ id }) => id === this.#id) + 1;
		}

		get name(): string {
			const { name, source, type } = this.#own;
			return name ?? (source === null ? type : faces.item(source).name);
		}

		set name(name: string) {
			this.#set({ name });
		}

		get startTime(): number {
			return this.#own.startTime;
		}

		set startTime(startTime: number) {
			if (ignores('startTime')) return;
			const { inPoint, outPoint, startTime: before } = this.#own;
			const by = startTime - before;
			this.#set({ startTime, inPoint: inPoint + by, outPoint: outPoint + by });
		}

		get stretch(): number {
			return this.#own.stretch;
		}

		get inPoint(): number {
			return this.#isSwapped ? this.#own.outPoint : this.#own.inPoint;
		}

		set inPoint(seconds: number) {
			const first = this.#extent.first;
			this.#set({ inPoint: Math.max(first, seconds) });
		}

		get outPoint(): number {
			return this.#isSwapped ? this.#own.inPoint : this.#own.outPoint;
		}

		set outPoint(seconds: number) {
			if (ignores('outPoint')) return;
			this.#set({ outPoint: Math.min(this.#extent.last, seconds) });
		}

		get enabled(): boolean {
			return this.#own.enabled;
		}

		set enabled(enabled: boolean) {
			this.#set({ enabled });
		}

		get solo(): boolean {
			return this.#own.solo;
		}

		get locked(): boolean {
			return this.#own.locked;
		}

		get comment(): string {
			return this.#own.comment;
		}

		set comment(comment: string) {
			this.#set({ comment });
		}

		get label(): number {
			return this.#own.label;
		}

		set label(label: number) {
			this.#set({ label });
		}

		get nullLayer(): boolean {
			return this.#own.isNull;
		}

		get hasVideo(): boolean {
			const { source, type } = this.#own;
			if (source === null) return type !== 'camera';
			const item = faces.item(source);
			return item.type !== 'footage' || item.hasVideo;
		}

		get parent(): null {
			return null;
		}

		remove(): void {
			program.change('Delete layer', () => {
				const { layers } = faces.item(this.#comp) as CompModel;
				layers.splice(this.index - 1, 1);
			});
		}

		moveBefore(layer: Layer): void {
			if (ignores('moveBefore')) return;
			this.#moveTo(() => layer.index - 1);
		}

		moveToEnd(): void {
			this.#moveTo(() => this.#stack.length);
		}

		get #stack(): LayerModel[] {
			return (faces.item(this.#comp) as CompModel).layers;
		}

		get #own(): LayerModel {
			return faces.layer(this.#comp, this.#id);
		}

		get #isSwapped(): boolean {
			return this.#own.stretch < 0 && program.faults.reversedEndsSwapped;
		}

		/** Seconds between which its source has pictures; a still has them everywhere. */
		get #extent(): { readonly first: number; readonly last: number } {
			const { source, startTime, stretch, timeRemap } = this.#own;
			const item = source === null ? null : faces.item(source);
			const length = item && item.type !== 'folder' ? item.duration : 0;
			if (length === 0 || timeRemap) {
				return { first: Number.NEGATIVE_INFINITY, last: Number.POSITIVE_INFINITY };
			}
			const other = startTime + (length * stretch) / 100;
			return { first: Math.min(startTime, other), last: Math.max(startTime, other) };
		}

		#moveTo(index: () => number): void {
			program.change('Move layer', () => {
				const stack = this.#stack;
				const [own] = stack.splice(this.index - 1, 1);
				stack.splice(index(), 0, own!);
			});
		}

		#set(change: Partial<LayerModel>): void {
			program.change('Change layer', () => Object.assign(this.#own, change));
		}
	}

	class AVLayer extends Layer {
		readonly #comp: number;
		readonly #id: number;

		constructor(comp: number, id: number) {
			super(comp, id);
			this.#comp = comp;
			this.#id = id;
		}

		get source(): unknown {
			const { source } = this.#own;
			return source === null ? null : faces.faceOf(source);
		}

		get width(): number {
			return this.#size.width;
		}

		get height(): number {
			return this.#size.height;
		}

		get hasAudio(): boolean {
			const { source } = this.#own;
			return source !== null && faces.isHeard(source);
		}

		get audioEnabled(): boolean {
			return this.#own.audioEnabled;
		}

		set audioEnabled(audioEnabled: boolean) {
			if (!this.hasAudio) throw new Error('After Effects error: the layer has no audio.');
			if (ignores('audioEnabled')) return;
			program.change('Audio', () => Object.assign(this.#own, { audioEnabled }));
		}

		get adjustmentLayer(): boolean {
			return this.#own.adjustment;
		}

		get guideLayer(): boolean {
			return this.#own.guide;
		}

		get isTrackMatte(): boolean {
			return this.#own.matte === 'is';
		}

		get hasTrackMatte(): boolean {
			return this.#own.matte === 'has';
		}

		get threeDLayer(): boolean {
			return false;
		}

		get effectsActive(): boolean {
			return true;
		}

		get blendingMode(): number {
			return 1;
		}

		get timeRemapEnabled(): boolean {
			return this.#own.timeRemap;
		}

		/** It keeps all but what the other source is too short for. */
		replaceSource(newSource: { readonly id: number }, _fixExpressions: boolean): void {
			if (ignores('replaceSource')) return;
			program.change('Replace source', () => {
				const own = this.#own;
				own.anchor = anchorOf(this.#comp, this.#id);
				own.source = newSource.id;
				const { duration } = faces.item(newSource.id) as FootageModel;
				if (duration > 0) {
					const last = own.startTime + (duration * own.stretch) / 100;
					own.outPoint = Math.min(own.outPoint, Math.max(own.startTime, last));
				}
			});
		}

		get #own(): LayerModel {
			return faces.layer(this.#comp, this.#id);
		}

		get #size(): { readonly width: number; readonly height: number } {
			const { source } = this.#own;
			const item = faces.item(source ?? this.#comp);
			return item.type === 'folder' ? { width: 0, height: 0 } : item;
		}
	}

	class LayerCollection {
		readonly #comp: number;

		constructor(comp: number) {
			this.#comp = comp;
		}

		get length(): number {
			return (faces.item(this.#comp) as CompModel).layers.length;
		}

		/** On top; where in time, a preference says. */
		add(item: { readonly id: number; readonly duration: number }): unknown {
			if (ignores('add')) return faces.layerFace(this.#comp, this.#first.id);
			const comp = faces.item(this.#comp) as CompModel;
			const from = program.faults.layersAtStart ? 0 : comp.time;
			const length = item.duration === 0 ? comp.duration - from : item.duration;
			const made = program.change('Add layer', (model) => {
				const layer = layerModel(model, {
					source: item.id,
					inPoint: from,
					outPoint: from + length,
					label: faces.item(item.id).label,
				});
				comp.layers.unshift(layer);
				return layer;
			});
			return faces.layerFace(this.#comp, made.id);
		}

		get #first(): LayerModel {
			const [first] = (faces.item(this.#comp) as CompModel).layers;
			if (!first) throw new Error('After Effects error: could not add the layer.');
			return first;
		}
	}

	function anchorOf(comp: number, id: number): readonly number[] {
		const { anchor, source } = faces.layer(comp, id);
		const item = faces.item(source ?? comp) as FootageModel | CompModel;
		return anchor ?? [item.width / 2, item.height / 2];
	}

	function propertiesOf(comp: number, id: number): readonly [string, unknown][] {
		const own = () => faces.layer(comp, id);
		const fixed = (name: string, value: () => number | readonly number[]): [string, Property] => [
			name,
			new Property(name, { value, keys: () => [], set: () => {} }),
		];
		const scale = new Property('ADBE Scale', {
			value: () => own().scale,
			keys: () => own().scaleKeys,
			set: (value, key) => {
				const all = componentsOf(value, key === null ? own().scale : own().scaleKeys[key]!);
				program.change('Scale', () => {
					if (key === null) own().scale = all;
					else own().scaleKeys[key] = all;
				});
			},
		});
		const anchor = new Property('ADBE Anchor Point', {
			value: () => anchorOf(comp, id),
			keys: () => [],
			set: (value) => {
				const all = componentsOf(value, anchorOf(comp, id));
				program.change('Anchor Point', () => {
					own().anchor = all;
				});
			},
		});
		const centre = () => {
			const { width, height } = faces.item(comp) as CompModel;
			return [width / 2, height / 2];
		};
		const transform: [string, unknown][] = [
			['ADBE Anchor Point', anchor],
			['ADBE Scale', scale],
			fixed('ADBE Position', centre),
			fixed('ADBE Rotate Z', () => 0),
			fixed('ADBE Opacity', () => own().opacity),
		];
		const group = (name: string, inside: () => readonly [string, unknown][]): [string, unknown] => [
			name,
			new PropertyGroup(name, inside),
		];
		return [
			group('ADBE Effect Parade', () =>
				own().effects.map((each): [string, unknown] => [each.name, new Effect(each)]),
			),
			group('ADBE Mask Parade', () => []),
			group('ADBE Transform Group', () => transform),
			group('ADBE Audio Group', () => [fixed('ADBE Audio Levels', () => own().levels)]),
		];
	}

	return { PropertyBase, Property, PropertyGroup, Layer, AVLayer, LayerCollection };
}

/** What a property with that value takes: a layer in space refuses two components. */
function componentsOf(value: number | readonly number[], before: readonly number[]) {
	const all = typeof value === 'number' ? [value] : value;
	if (all.length === before.length) return all;
	throw new Error(`After Effects error: Value array does not have ${before.length} elements.`);
}

type PropertyOf = {
	readonly value: () => number | readonly number[];
	readonly keys: () => readonly (readonly number[])[];
	readonly set: (value: number | readonly number[], key: number | null) => void;
};

const MATCH_NAMES: Readonly<Record<LayerModel['type'], string>> = {
	av: 'ADBE AV Layer',
	text: 'ADBE Text Layer',
	shape: 'ADBE Vector Layer',
	camera: 'ADBE Camera Layer',
};

function plainOf(value: unknown): number | readonly number[] {
	return typeof value === 'number' ? value : Array.from(value as ArrayLike<number>);
}
