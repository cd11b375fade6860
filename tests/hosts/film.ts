import { join } from 'node:path';
import type { Job } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Shot } from '../../protocol/shots.ts';
import type { Cut, MediaSource, Track } from '../../protocol/timeline.ts';
import { connect, type Peer, startDaemon, temporaryFolder, until } from '../daemon/harness.ts';
import { type Editor, type EditorOptions, openEditor } from '../fakes/editor.ts';
import { SEQUENCE, span } from '../requests.ts';
import { shotIn } from '../shots.ts';

/** A film with a gap in the fake editor, and what tests of landing do with it. */

export const GAP = { start: 24, end: 36 };

/** Two shots with twelve frames between them, and sound under all of it; the media are offline without a path. */
export function cutWithGap(media?: string): Cut {
	const track = (kind: Track['kind'], name: string, clips: Track['clips']): Track => ({
		kind,
		index: 0,
		name,
		enabled: true,
		locked: false,
		clips,
		transitions: [],
	});
	const source: MediaSource =
		media === undefined
			? { kind: 'offline', path: '/gone.mov', reason: 'not there' }
			: { kind: 'file', path: media };
	const clip = (name: string, range: readonly [number, number], trackName: string) =>
		span(range, source, { name, track: trackName });
	return {
		sequence: SEQUENCE,
		tracks: [
			track('video', 'V1', [clip('left', [0, 24], 'V1'), clip('right', [36, 60], 'V1')]),
			track('audio', 'A1', [clip('dialogue', [0, 60], 'A1')]),
		],
	};
}

export async function setUp(
	options: EditorOptions & { readonly cut?: Cut; readonly env?: Record<string, string> } = {},
) {
	const daemon = await startDaemon({ env: options.env ?? {} });
	const project = await temporaryFolder();
	const path = join(project, 'film.prproj');
	const editor = await openEditor(daemon, options.cut ?? cutWithGap(), { path, ...options });
	const peer = await connect(daemon);
	return { daemon, editor, peer, project };
}

export function shotFor(editor: Editor, changes: Partial<Shot> = {}): Shot {
	return shotIn({ agent: editor.agent, state: editor.state() }, GAP, changes);
}

export async function press(peer: Peer, shot: Shot): Promise<readonly Job[]> {
	return (await peer.call('shot.submit', { shot })).jobs;
}

export async function landingOf(peer: Peer, jobId: string): Promise<Landing> {
	const { job } = await peer.call('job.get', { jobId });
	return job.landings.at(-1)!;
}

export async function settled(
	peer: Peer,
	jobId: string,
	...states: Landing['state'][]
): Promise<Landing> {
	return until(`the clip to be ${states.join(' or ')}`, async () => {
		const landing: Landing | undefined = await landingOf(peer, jobId);
		return landing && states.includes(landing.state) ? landing : null;
	});
}

export async function editorsGone(peer: Peer): Promise<void> {
	await until('the editor to have gone', async () => {
		return (await peer.call('host.watch', {})).hosts.length === 0;
	});
}

export const names = (cut: Cut, track: string) =>
	cut.tracks
		.find(({ name }) => name === track)
		?.clips.map(({ name, range }) => `${name} ${range.start}–${range.end}`);
