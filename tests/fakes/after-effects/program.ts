import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { pngOf } from '../../../inference-daemon/media/png.ts';
import { EvalScript } from '../extendscript/eval-script.ts';
import { fileFace } from '../extendscript/file.ts';
import { domOf } from './dom.ts';
import { type CompModel, emptyModel, type FootageModel, type Model } from './model.ts';

/** What After Effects has been seen to do, or may do, against what is wanted. */
export type Faults = {
	/** Scripts run, and their callbacks get an empty string: from the start, or once. */
	emptyAnswers: boolean | 'once';
	/** “Allow Scripts to Write Files and Access Network” is off. */
	filesOff: boolean;
	/** “Create Layers at Composition Start Time”. */
	layersAtStart: boolean;
	/** The file of a frame comes in two pieces, the second one later. */
	framesInPieces: boolean;
	/** Frames are never written. */
	framesNever: boolean;
	/** A setter or a method of that name does nothing and reports success. */
	ignores:
		| 'startTime'
		| 'outPoint'
		| 'moveBefore'
		| 'replaceSource'
		| 'audioEnabled'
		| 'add'
		| null;
	/** Importing throws. */
	importFails: boolean;
	/** Reversed layers have their in point at the later end. */
	reversedEndsSwapped: boolean;
};

/** One run of After Effects: what a person and the panel of an extension meet. */
export class AfterEffects {
	model: Model = emptyModel();
	readonly faults: Faults = {
		emptyAnswers: false,
		filesOff: false,
		layersAtStart: false,
		framesInPieces: true,
		framesNever: false,
		ignores: null,
		importFails: false,
		reversedEndsSwapped: false,
	};
	readonly #scripts = new EvalScript(() => {
		const isEmpty = this.faults.emptyAnswers !== false;
		if (this.faults.emptyAnswers === 'once') this.faults.emptyAnswers = false;
		return isEmpty;
	});
	/** As `window.__adobe_cep__`. */
	readonly cep = this.#scripts.cep;
	#undo: { label: string; model: Model }[] = [];
	#redo: { label: string; model: Model }[] = [];
	#group: { label: string; depth: number; before: Model } | null = null;
	#timers = new Set<NodeJS.Timeout>();
	rendering = false;

	constructor() {
		const { engine } = this.#scripts;
		const File = fileFace(() => !this.faults.filesOff);
		Object.assign(engine.global, { File, ...domOf(this, engine) });
	}

	/** What was thrown out of scripts, of which a panel learns nothing. */
	get errors(): readonly string[] {
		return this.#scripts.errors;
	}

	/** A dialog opens; what this gives back closes it. */
	openDialog(): () => void {
		return this.#scripts.openDialog();
	}

	/** A change by a person, or by a script where no group is open: one step. */
	change<T>(label: string, change: (model: Model) => T): T {
		const before = structuredClone(this.model);
		const result = change(this.model);
		this.model.dirty = true;
		if (!this.#group) this.#step(label, before);
		return result;
	}

	beginGroup(label: string): void {
		if (this.#group) this.#group.depth += 1;
		else this.#group = { label, depth: 1, before: structuredClone(this.model) };
	}

	endGroup(): void {
		if (!this.#group) return;
		this.#group.depth -= 1;
		if (this.#group.depth > 0) return;
		const { label, before } = this.#group;
		this.#group = null;
		if (JSON.stringify(before) !== JSON.stringify(this.model)) this.#step(label, before);
	}

	/** Ctrl+Z; the label of what was undone. */
	undo(): string | null {
		const step = this.#undo.pop();
		if (!step) return null;
		this.#redo.push({ label: step.label, model: this.model });
		this.model = step.model;
		return step.label;
	}

	redo(): void {
		const step = this.#redo.pop();
		if (!step) return;
		this.#undo.push({ label: step.label, model: this.model });
		this.model = step.model;
	}

	get undoLabels(): readonly string[] {
		return this.#undo.map(({ label }) => label);
	}

	save(path: string): void {
		this.model.path = path;
		this.model.dirty = false;
		writeFileSync(path, JSON.stringify(this.model));
	}

	open(model: Model): void {
		this.model = structuredClone(model);
		this.#undo = [];
		this.#redo = [];
	}

	quit(): void {
		for (const timer of this.#timers) clearTimeout(timer);
	}

	/** Media as After Effects finds them in a file. */
	probe(path: string): Omit<FootageModel, 'id' | 'parent' | 'name' | 'comment' | 'label' | 'type'> {
		if (!existsSync(path)) throw new Error(`After Effects error: file ${path} not found.`);
		const entries = 'stream=codec_type,width,height,r_frame_rate,nb_frames:format=duration';
		const text = execFileSync('ffprobe', [
			'-v',
			'error',
			'-of',
			'json',
			'-show_entries',
			entries,
			path,
		]);
		const { streams, format } = JSON.parse(String(text)) as Probed;
		const video = streams.find(({ codec_type }) => codec_type === 'video');
		const [num = 0, den = 1] = (video?.r_frame_rate ?? '0/1').split('/').map(Number);
		const counted =
			video?.nb_frames === undefined ? undefined : (Number(video.nb_frames) * den) / num;
		return {
			source: 'file',
			file: path,
			missing: false,
			width: video?.width ?? 0,
			height: video?.height ?? 0,
			frameRate: num / den,
			conformRate: 0,
			loop: 1,
			duration: counted ?? Number(format.duration),
			hasVideo: video !== undefined,
			hasAudio: streams.some(({ codec_type }) => codec_type === 'audio'),
		};
	}

	/** The frame is written later, as large as the viewer's resolution is by then, and in pieces. */
	writeFrame(comp: CompModel['id'], time: number, path: string): void {
		if (this.faults.framesNever) return;
		this.#later(() => {
			const found = this.model.items.find(({ id }) => id === comp) as CompModel;
			const [across, down] = found.resolutionFactor;
			const size = {
				width: Math.ceil(found.width / across),
				height: Math.ceil(found.height / down),
			};
			const frame = Math.round((time * found.rate.num) / found.rate.den);
			const data = new Uint8Array(size.width * size.height * 3).fill(frame % 256);
			const png = pngOf({ ...size, data });
			if (!this.faults.framesInPieces) return writeFileSync(path, png);
			writeFileSync(path, png.subarray(0, png.length >> 1));
			this.#later(() => writeFileSync(path, png));
		});
	}

	#later(work: () => void): void {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			work();
		}, 30);
		this.#timers.add(timer);
	}

	#step(label: string, before: Model): void {
		this.#undo.push({ label, model: before });
		this.#redo = [];
	}
}

type Probed = {
	readonly streams: readonly {
		readonly codec_type: string;
		readonly width?: number;
		readonly height?: number;
		readonly r_frame_rate?: string;
		readonly nb_frames?: string;
	}[];
	readonly format: { readonly duration?: string };
};
