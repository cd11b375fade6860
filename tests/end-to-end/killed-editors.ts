import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TimelineProject } from '../../host-bridge/timeline-file/project.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import { type Daemon, type Peer, until } from '../daemon/harness.ts';
import { startBlender, type Which } from '../hosts/blender.ts';
import { hostOf, openCommand } from '../hosts/open-command.ts';
import { type Standing, standingIn } from './kills.ts';
import { NUMBERED_SIZE } from './numbered.ts';
import { FORMATS } from './workbench.ts';

/** Editors with the same film open that are killed and started again. */
export type KilledEditor = {
	/** Starts it, with the film as it was saved last. */
	readonly start: () => Promise<void>;
	readonly kill: () => Promise<void>;
	readonly save: () => Promise<void>;
	/** What stands in it, not asking the daemon. */
	readonly read: () => Promise<readonly Standing[]>;
	readonly host: (peer: Peer) => Promise<EditorHost>;
	/** Whether what was not saved is gone when it is killed. */
	readonly forgets: boolean;
	/** Whether it starts the daemon itself when that has gone. */
	readonly startsDaemon: boolean;
};

export type Film = {
	/** A folder of its own, and `shots.mov` of 160×96 at 24 frames per second. */
	readonly folder: string;
	readonly media: string;
	readonly daemon: Daemon;
};

/** Sequence frames. */
export const GAP = { start: 50, end: 58 };
const LENGTH = 108;

/** `pickup open` on one of the formats. */
export async function timelineEditor(at: number, film: Film): Promise<KilledEditor> {
	const { folder, media, daemon } = film;
	const [name, write] = FORMATS[at % FORMATS.length]!;
	const path = join(folder, name);
	const cut = {
		name: 'cut',
		rate: { num: 24, den: 1 },
		size: NUMBERED_SIZE,
		startFrame: 0,
		clips: [
			{ name: 'left', path: media, start: 0, frames: GAP.start },
			{ name: 'right', path: media, start: GAP.end, frames: LENGTH - GAP.end },
		],
	};
	await writeFile(path, write(cut));
	const programs = dirname(daemon.child.spawnargs[1]!);
	const environment = { PICKUP_ENGINE_MODULE: join(programs, 'fake.mjs') };
	let command: ReturnType<typeof openCommand>;
	return {
		async start() {
			command = openCommand(daemon.state, [path], environment);
		},
		async kill() {
			await command.end('SIGKILL');
		},
		async save() {},
		read: async () => standingIn((await TimelineProject.open(path)).cut),
		host: (peer) => hostOf(peer, path),
		forgets: false,
		startsDaemon: true,
	};
}

export async function blenderEditor(which: Which, film: Film): Promise<KilledEditor> {
	const { folder, media, daemon } = film;
	const path = join(folder, 'film.blend');
	await mkdir(join(folder, 'home'), { recursive: true });
	let blender: Awaited<ReturnType<typeof startBlender>>;
	let isSaved = false;
	const editor: KilledEditor = {
		async start() {
			blender = await startBlender(which, { state: daemon.state, home: join(folder, 'home') });
			await blender.run(`media = ${JSON.stringify(dirname(media))}`);
			if (isSaved) {
				await blender.run(
					`bpy.ops.wm.open_mainfile(filepath=${JSON.stringify(path)})\nuse(bpy.data.scenes[0])`,
				);
				return;
			}
			await blender.run(TWO_SHOTS);
			await editor.save();
		},
		async kill() {
			await blender.kill();
		},
		async save() {
			await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)})`);
			isSaved = true;
		},
		read: async () => (await blender.run<readonly RawStrip[]>(ALL_STRIPS)).map(standingOf),
		host: (peer) =>
			until('Blender to be connected with the film', async () => {
				const { hosts } = await peer.call('host.watch', {});
				return hosts.find(({ state }) => state.project?.path === path && state.sequence);
			}),
		forgets: true,
		startsDaemon: false,
	};
	return editor;
}

type RawStrip = readonly [
	name: string,
	type: string,
	channel: number,
	start: number,
	end: number,
	path: string,
];

function standingOf([name, type, channel, start, end, path]: RawStrip): Standing {
	const of = type === 'SOUND' ? 'audio' : 'video';
	// Blender counts from 1.
	const range = { start: start - 1, end: end - 1 };
	return { of, track: `${of === 'audio' ? 'A' : 'V'}${channel}`, range, name, path };
}

const TWO_SHOTS = `
fresh()
movie('left', 1, 1, 'shots', (1, ${GAP.start + 1}))
sound('left.001', 2, 1, 'shots', (1, ${GAP.start + 1}))
movie('right', 1, 1, 'shots', (${GAP.end + 1}, ${LENGTH + 1}))
sound('right.001', 2, 1, 'shots', (${GAP.end + 1}, ${LENGTH + 1}))`;

const ALL_STRIPS = `
result = [
    [
        strip.name,
        strip.type,
        strip.channel,
        int(strip.frame_final_start),
        int(strip.frame_final_end),
        bpy.path.abspath(strip.sound.filepath if strip.type == 'SOUND' else strip.filepath),
    ]
    for strip in strips()
]`;
