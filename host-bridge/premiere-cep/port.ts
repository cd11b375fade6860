import { basename } from 'node:path';
import { PickupError } from '../../protocol/errors.ts';
import { inTurn } from '../../protocol/in-turn.ts';
import type { Edit, EditorPort, EditorState, Where } from '../agent/port.ts';
import { askingState } from '../cep/ask-state.ts';
import type { ScriptedOptions } from '../cep/script-link.ts';
import { wholePng } from '../cep/whole-png.ts';
import { Editor } from '../premiere/edit.ts';
import { LONGEST_SILENCE } from '../premiere/exporting.ts';
import { Playing } from '../premiere/playing.ts';
import { selectionOf } from '../premiere/read.ts';
import { frameOf } from '../premiere/ticks.ts';
import { cutOf, stretchOf, ticksOf } from './cut.ts';
import { handsOn, type PremiereScript, readSequence } from './hands.ts';
import type { PremiereCalls } from './script/main.ts';
import type { RawHead, RawState } from './script/raw.ts';

/** Premiere by its scripts, as an agent needs it. The script reads and does; what that means is said here. */
export class Premiere implements EditorPort {
	readonly program = 'Premiere';
	readonly version: string;
	/** No call adds a track, and none makes one undo step of several. */
	readonly can = {
		frame: true,
		addTracks: false,
		disable: false,
		swap: true,
		bin: true,
		undo: false,
		show: true,
	};
	readonly state: () => Promise<EditorState>;
	readonly #script: PremiereScript;
	readonly #editor = new Editor<string>();
	readonly #playing = new Playing();
	/** Frames: each moves the playhead. */
	readonly #inTurn = inTurn();
	/** The sequence that was in front last. */
	#head: RawHead | null = null;
	/** Where the person has the playhead while a frame is taken. */
	#held: string | null = null;

	constructor({ script, version, dialogAfter }: ScriptedOptions<PremiereCalls>) {
		this.#script = script;
		this.version = version;
		const ask = async () => this.#stateOf(await script.call('state', {}));
		this.state = askingState({ program: this.program, ask, dialogAfter });
	}

	readonly cut = async ({ sequence }: Where) =>
		cutOf(await readSequence(this.#script, sequence)).cut;

	readonly frame = (where: Where, frame: number, path: string) =>
		this.#inTurn(() => this.#takeFrame(where, frame, path));

	readonly edit = async ({ sequence }: Where, edit: Edit): Promise<void> => {
		const ticksPerFrame = await this.#ticksPerFrame(sequence);
		await this.#editor.apply(handsOn(this.#script, sequence, ticksPerFrame), edit);
	};

	readonly carries = (_where: Where, operation: string) =>
		this.#script.call('carries', { operation });

	readonly show = async ({ sequence }: Where, frame: number): Promise<void> => {
		const ticks = await this.#ticksAt(sequence, frame);
		const shown = await this.#script.call('show', { sequence, ticks });
		if (shown.ticks === ticks) return;
		throw new PickupError('host-refused', 'Premiere did not move its playhead');
	};

	/** Premiere appends an extension to a name without one, and in some versions another one. */
	async #takeFrame({ sequence }: Where, frame: number, path: string) {
		if ((await this.state()).busy !== null) {
			throw new PickupError('host-refused', 'Premiere is busy, and gives no picture meanwhile');
		}
		const ticks = await this.#ticksAt(sequence, frame);
		const name = `${path.replace(/\.png$/i, '')}-part`;
		const asked = await this.#script.call('frame', { sequence, ticks, path: name });
		const { playhead, width, height } = asked;
		this.#held = playhead;
		const written = [`${name}.png`, `${name}.png.png`, name];
		try {
			return await wholePng({ program: this.program, path, written, wanted: { width, height } });
		} finally {
			await this.#script.call('endFrame', { sequence, ticks, playhead });
			this.#held = null;
		}
	}

	#stateOf({ project, sequence, silence }: RawState): EditorState {
		this.#head = sequence;
		const head = sequence && this.#held !== null ? { ...sequence, playhead: this.#held } : sequence;
		const state: EditorState = {
			project: project && {
				id: project.id,
				name: (basename(project.name, '.prproj') || 'Untitled project').slice(0, 500),
				path: project.path || null,
			},
			sequence: head && { id: head.id, name: head.name.slice(0, 500) },
			playhead: head && playheadOf(head),
			selection:
				head &&
				selectionOf(
					head.selected.map(stretchOf),
					stretchOf(head.marks),
					ticksOf(head.ticksPerFrame),
				),
			busy: null,
		};
		const isPlaying = this.#playing.look(state);
		const isExporting = silence !== null && silence < LONGEST_SILENCE;
		return { ...state, busy: isExporting ? 'exporting' : isPlaying ? 'playing' : null };
	}

	async #ticksAt(sequence: string, frame: number): Promise<string> {
		return (BigInt(frame) * (await this.#ticksPerFrame(sequence))).toString();
	}

	async #ticksPerFrame(sequence: string): Promise<bigint> {
		const known = this.#head?.id === sequence ? this.#head : null;
		return ticksOf((known ?? (await readSequence(this.#script, sequence))).ticksPerFrame);
	}
}

function playheadOf({ playhead, ticksPerFrame }: RawHead): number {
	return frameOf(ticksOf(playhead), ticksOf(ticksPerFrame));
}
