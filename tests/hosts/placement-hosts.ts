import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EditorHost } from '../../protocol/hosts.ts';
import { connect, type Daemon, until } from '../daemon/harness.ts';
import { readWithOpenTimelineIo } from '../end-to-end/open-timeline-io.ts';
import { type CasePaths, type CaseWriter, fcp7Case, kdenliveCase, otioCase } from './case-files.ts';
import { hostOf, openCommand } from './open-command.ts';
import type { CaseEnd, CaseTrack, PlacementCase } from './placement-cases.ts';

/** What has a case open, with its agent connected to the daemon. */
export type PlacementHost = {
	readonly name: string;
	/** Why there can be no such thing in it; null where there can. */
	readonly lacks: (of: PlacementCase) => string | null;
	/** What comes of it, where that is another end than in most. */
	readonly ends?: (of: PlacementCase) => CaseEnd;
	readonly open: (of: PlacementCase, place: CasePlace) => Promise<OpenCase>;
};

export type CasePlace = {
	/** Empty, for this case alone. */
	readonly folder: string;
	readonly paths: CasePaths;
	readonly daemon: Daemon;
};

export type OpenCase = {
	readonly host: EditorHost;
	/** What a person makes of the tracks. The agent has told of it when this returns. */
	readonly become: (tracks: readonly CaseTrack[]) => Promise<void>;
	/** Where a file stands as code that is not ours reads it; null where there is none. */
	readonly readBack: (path: string) => Promise<readonly Stands[] | null>;
	readonly close: () => Promise<void>;
};

export type Stands = {
	readonly kind: 'video' | 'audio';
	readonly start: number;
	readonly frames: number;
};

/** Timeline files, each with the command that is their agent. */
export const TIMELINE_FILES: readonly PlacementHost[] = [
	{
		name: 'FCP 7 XML',
		lacks: () => null,
		open: (of, place) => openFile('cut.xml', fcp7Case, of, place),
	},
	{
		name: 'OpenTimelineIO',
		lacks: ({ dropFrame }) =>
			dropFrame ? 'OpenTimelineIO counts frames, and does not say how they are shown' : null,
		open: (of, place) => openFile('cut.otio', otioCase, of, place),
	},
	{
		name: 'Kdenlive',
		lacks: ({ dropFrame, tracks }) => {
			if (dropFrame) return 'Kdenlive’s projects do not say whether timecode drops frames';
			const fades = tracks.some(({ transitions = [] }) => transitions.length > 0);
			return fades
				? 'Kdenlive has transitions between two clips only, and fades are effects'
				: null;
		},
		open: (of, place) => openFile('cut.kdenlive', kdenliveCase, of, place),
	},
];

async function openFile(
	name: string,
	write: CaseWriter,
	of: PlacementCase,
	{ folder, paths, daemon }: CasePlace,
): Promise<OpenCase> {
	const path = join(folder, name);
	await writeFile(path, write(of, of.tracks, paths));
	const command = openCommand(daemon.state, [path]);
	const peer = await connect(daemon);
	const host = await hostOf(peer, path);
	return {
		host,
		async become(tracks) {
			await writeFile(path, write(of, tracks, paths));
			await until('the agent to notice', async () => {
				const { state } = await hostOf(peer, path);
				return state.revision > host.state.revision;
			});
		},
		async readBack(media) {
			const file = (await hostOf(peer, path)).state.project?.landsIn ?? undefined;
			// melt renders such projects elsewhere; OpenTimelineIO does not read them.
			if (file === undefined || name.endsWith('.kdenlive')) return null;
			const tracks = await readWithOpenTimelineIo(file);
			return tracks.flatMap(({ kind, clips }) =>
				clips
					.filter((clip) => clip.path === media)
					.map(({ start, frames }) => ({
						kind: kind === 'Video' ? ('video' as const) : ('audio' as const),
						start,
						frames,
					})),
			);
		},
		async close() {
			await peer.close();
			await command.end('SIGINT');
		},
	};
}
