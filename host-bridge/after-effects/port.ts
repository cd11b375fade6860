import { basename } from 'node:path';
import { PickupError } from '../../protocol/errors.ts';
import { inTurn } from '../../protocol/in-turn.ts';
import { type FrameRange, framesToSeconds, toNumber } from '../../protocol/time.ts';
import type { Edit, EditorPort, EditorState, Where } from '../agent/port.ts';
import { askingState } from '../cep/ask-state.ts';
import type { ScriptedOptions } from '../cep/script-link.ts';
import { wholePng } from '../cep/whole-png.ts';
import { readCut } from './cut.ts';
import { planActions } from './edit.ts';
import { exactRate, frameFrom } from './exact.ts';
import { Identity } from './identity.ts';
import type { AfterEffectsCalls } from './script/main.ts';
import type { RawComp, RawCompHead, RawState } from './script/raw.ts';

type Options = ScriptedOptions<AfterEffectsCalls>;

/** After Effects as an agent needs it. The script reads and does; what that means is said here. */
export class AfterEffects implements EditorPort {
	readonly program = 'After Effects';
	readonly version: string;
	readonly can = {
		frame: true,
		addTracks: true,
		disable: true,
		swap: true,
		bin: true,
		undo: true,
		show: true,
	};
	readonly #script: Options['script'];
	readonly #identity = new Identity();
	/** As it was read last. */
	#comp: RawComp | null = null;
	/** Frames: each needs the viewer as it is. */
	readonly #inTurn = inTurn();

	readonly state: () => Promise<EditorState>;

	constructor({ script, version, dialogAfter }: Options) {
		this.#script = script;
		this.version = version;
		const ask = async () => this.#stateOf(await script.call('state', {}));
		this.state = askingState({ program: this.program, ask, dialogAfter });
	}

	readonly cut = async (where: Where) => {
		const comp = await this.#script.call('comp', { id: Number(where.sequence) });
		if (!comp) throw notOpen();
		this.#comp = comp;
		return readCut(comp).cut;
	};

	/** In the size of the composition, whatever the viewer's resolution is; that is as it was afterwards. */
	readonly frame = (where: Where, frame: number, path: string) =>
		this.#inTurn(async () => {
			const time = await this.#time(where, frame);
			const comp = Number(where.sequence);
			const asked = await this.#script.call('frame', { comp, time, path });
			const { resolution, width, height } = asked;
			const { program } = this;
			return wholePng({ program, path, written: [path], wanted: { width, height } }).finally(() =>
				this.#script.call('restoreResolution', { comp, resolution }),
			);
		});

	readonly edit = async (where: Where, { operation, label, steps }: Edit): Promise<void> => {
		const comp = this.#comp;
		if (comp?.id !== Number(where.sequence)) throw notOpen();
		const { num, den } = exactRate(comp.frameRate);
		await this.#script.call('edit', {
			comp: comp.id,
			signature: comp.signature,
			label,
			operation,
			project: where.project,
			actions: [...planActions(comp, steps)],
			frame: den / num,
		});
	};

	readonly carries = (_where: Where, operation: string) =>
		this.#script.call('carries', { operation });

	readonly show = async (where: Where, frame: number): Promise<void> => {
		const time = await this.#time(where, frame);
		await this.#script.call('show', { id: Number(where.sequence), time });
	};

	#stateOf({ project, comp, rendering }: RawState): EditorState {
		return {
			project: project && {
				id: this.#identity.of(project),
				name: project.path === null ? 'Untitled project' : nameOf(project.path),
				path: project.path,
			},
			sequence: comp && { id: String(comp.id), name: comp.name.slice(0, 500) },
			playhead: comp && playheadOf(comp),
			selection: comp && selectionOf(comp),
			busy: rendering ? 'rendering' : null,
		};
	}

	async #time({ sequence }: Where, frame: number): Promise<number> {
		const known = this.#comp?.id === Number(sequence) ? this.#comp : null;
		const comp = known ?? (await this.#script.call('comp', { id: Number(sequence) }));
		if (!comp) throw notOpen();
		return toNumber(framesToSeconds(frame, exactRate(comp.frameRate)));
	}
}

function playheadOf(comp: RawCompHead): number {
	const { num, den } = exactRate(comp.frameRate);
	return Math.round((comp.time * num) / den);
}

/** What the selected layers are over, else the work area where the person has set one. */
function selectionOf(comp: RawCompHead): FrameRange | null {
	const rate = exactRate(comp.frameRate);
	const end = frameFrom(comp.duration, rate);
	const points = comp.selected.flatMap((each) => [each.in, each.out]);
	const { workAreaStart, workAreaDuration } = comp;
	const [from, to] =
		points.length > 0
			? [Math.min(...points), Math.max(...points)]
			: [workAreaStart, workAreaStart + workAreaDuration];
	const range = {
		start: Math.max(0, frameFrom(from, rate)),
		end: Math.min(end, frameFrom(to, rate)),
	};
	const isAll = points.length === 0 && range.start === 0 && range.end === end;
	return isAll || range.end <= range.start ? null : range;
}

function nameOf(path: string): string {
	return basename(path.replaceAll('\\', '/'))
		.replace(/\.aepx?$/i, '')
		.slice(0, 500);
}

function notOpen(): PickupError {
	return new PickupError('no-such-host', 'That composition is not in the project that is open', {
		field: 'sequence',
	});
}
