import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { Agent } from '../../host-bridge/agent/agent.ts';
import type { Edit, EditorPort, EditorState } from '../../host-bridge/agent/port.ts';
import type { SocketLike } from '../../protocol/client.ts';
import type { Cut } from '../../protocol/timeline.ts';

/** A port onto a sequence in memory, that notes its edits and can be made to fail. */
export class PortDouble implements EditorPort {
	readonly program = 'Double';
	readonly version = '1';
	readonly can = {
		frame: true,
		addTracks: true,
		disable: true,
		swap: true,
		bin: false,
		undo: true,
		show: true,
	};
	now: EditorState = {
		project: { id: 'film', name: 'Film', path: null },
		sequence: { id: 'cut', name: 'Cut' },
		playhead: 0,
		selection: null,
		busy: null,
	};
	shown: Cut;
	readonly edits: Edit[] = [];
	readonly carried = new Set<string>();
	/** Called in the middle of an edit. */
	onEdit = (): Promise<void> | void => {};

	constructor(cut: Cut) {
		this.shown = cut;
	}

	readonly state = async () => this.now;
	readonly cut = async () => this.shown;
	readonly frame = async () => ({ width: 64, height: 36 });
	readonly carries = async (_where: unknown, operation: string) => this.carried.has(operation);
	readonly show = async (_where: unknown, frame: number) => {
		this.now = { ...this.now, playhead: frame };
	};
	readonly edit = async (_where: unknown, edit: Edit) => {
		await this.onEdit();
		this.edits.push(edit);
		this.rename(`${edit.label} ${this.edits.length}`);
	};

	/** What changes a cut in the least way. */
	rename(name: string): void {
		this.shown = { ...this.shown, sequence: { ...this.shown.sequence, name } };
	}
}

/** Connects a port to the daemon of a state folder, as in an editor with Node. */
export function openAgent(
	port: EditorPort,
	{ state }: { readonly state: string },
	onStatus: () => void = () => {},
): Agent {
	return new Agent(port, {
		id: randomUUID(),
		client: { name: 'double', version: '1' },
		readPortFile: () => readFile(join(state, 'daemon.json'), 'utf8').catch(() => null),
		get: async (url) => (await fetch(url)).text(),
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		onStatus,
	});
}
