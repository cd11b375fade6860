import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connect, until } from '../daemon/harness.ts';
import { timelineForMelt } from '../fakes/resolve/mlt.ts';
import type { CaseTrack, PlacementCase } from './placement-cases.ts';
import type { FaultyHost, Standing } from './placement-faults.ts';
import type { CasePlace, OpenCase, PlacementHost } from './placement-hosts.ts';
import {
	type Resolve,
	type ResolveItem,
	type ResolveMedia,
	type ResolveModel,
	type ResolveTrack,
	startResolve,
} from './resolve.ts';

/** The simulated Resolve, as it should be. */
export const RESOLVE: PlacementHost = {
	name: 'DaVinci Resolve (simulated)',
	lacks: () => null,
	open: (of, place) => openCase(of, place, []),
};

/** What goes wrong in it, one at a time: tests/fakes/resolve/objects.py says what each is. */
const FAULTS = [
	'rate-as-number',
	'rate-rounded',
	'localised',
	'frames-as-floats',
	'frames-as-texts',
	'source-start-off',
	'none-for-empty',
	'lists-by-number',
	'delete-needs-edit',
	'track-in-front',
	'track-not-added',
	'append-nothing',
	'append-none',
	'append-wrong-track',
	'append-both',
	'append-over',
	'append-unanswered',
	'append-unanswered-once',
	'end-included',
	'delete-flaky',
	'delete-nothing',
	'import-elsewhere',
	'import-none',
	'import-nothing',
	'import-twice',
	'Timeline.AddTrack',
	'Timeline.DeleteClips',
	'Timeline.GetUniqueId',
	'TimelineItem.GetSpeed',
] as const;

export const FAULTY_RESOLVE: FaultyHost = {
	name: RESOLVE.name,
	lacks: RESOLVE.lacks,
	faults: FAULTS,
	async open(of, place, fault) {
		const open = await openCase(of, place, [fault]);
		return {
			...open,
			standing: () => standing(open.resolve, of),
			// Of what has no file, and of rates with a fraction, no project is made.
			melt: async () =>
				of.rate.den === 1 && isOfFiles(of) ? timelineForMelt(await open.resolve.model()) : null,
		};
	},
};

function isOfFiles({ tracks }: PlacementCase): boolean {
	const media = tracks.flatMap(({ clips }) => clips.map((clip) => clip.media));
	return !media.includes('nested') && !media.includes('adjustment');
}

async function openCase(
	of: PlacementCase,
	place: CasePlace,
	wrong: readonly string[],
): Promise<OpenCase & { readonly resolve: Resolve }> {
	const id = randomUUID();
	const model = modelOf(of, place, wrong, id);
	const home = join(place.daemon.state, 'home');
	const resolve = await startResolve(model, { state: place.daemon.state, home });
	const peer = await connect(place.daemon);
	const findHost = async () =>
		(await peer.call('host.watch', {})).hosts.find(({ state }) => state.project?.id === id);
	const host = await until('the timeline to be open', findHost);
	return {
		host,
		resolve,
		async become(tracks) {
			await resolve.run(`
import json
studio.timelines[0]["tracks"] = json.loads(${JSON.stringify(JSON.stringify(tracksOf(of, tracks)))})`);
			await until('the agent to notice', async () => {
				const now = await findHost();
				return now && now.state.revision > host.state.revision;
			});
		},
		async readBack(path) {
			const clips = (await standing(resolve, of)).filter((each) => each.path === path);
			return clips.map(({ kind, start, end }) => ({ kind, start, frames: end - start }));
		},
		async close() {
			await peer.close();
			await resolve.kill();
		},
	};
}

function modelOf(
	of: PlacementCase,
	{ paths }: CasePlace,
	wrong: readonly string[],
	id: string,
): ResolveModel {
	const { num, den } = of.rate;
	const plain = String(Math.round((num / den) * 1000) / 1000);
	const file = (name: string, path: string, audio = true): ResolveMedia => {
		return { id: name, name, bin: '', path, fps: '25', frames: 200, video: true, audio };
	};
	const nested = { bin: '', fps: plain, frames: 1000, video: true, audio: true };
	return {
		project: { id, name: 'Film' },
		media: [
			file('silent', paths.silent, false),
			file('mono', paths.mono),
			file('stereo', paths.stereo),
			file('5.1', paths['5.1']),
			{ ...nested, id: 'nested', name: 'inner', type: 'Timeline' },
		],
		timelines: [
			{
				id: 't',
				name: of.name,
				rate: of.dropFrame ? `${plain} DF` : plain,
				start: of.startFrame,
				playhead: of.startFrame,
				size: [64, 36],
				tracks: tracksOf(of, of.tracks),
			},
		],
		faults: wrong.filter((each) => !each.includes('.')),
		lacking: wrong.filter((each) => each.includes('.')),
		page: wrong.includes('delete-needs-edit') ? 'fairlight' : 'edit',
	};
}

function tracksOf(of: PlacementCase, tracks: readonly CaseTrack[]): readonly ResolveTrack[] {
	return tracks.map(({ kind, clips, locked = false, transitions = [] }, at) => ({
		kind,
		locked,
		items: [
			...clips.map((clip): ResolveItem => {
				const isLook = clip.media === 'adjustment';
				return {
					id: `${at} ${clip.name}`,
					name: clip.name,
					start: of.startFrame + clip.start,
					duration: clip.end - clip.start,
					media: isLook ? null : clip.media,
					...(isLook ? { type: 'generator' } : {}),
				};
			}),
			...transitions.map(
				({ start, end }, index): ResolveItem => ({
					id: `${at} fade ${index}`,
					name: 'Cross Dissolve',
					start: of.startFrame + start,
					duration: end - start,
					media: null,
					type: 'transition',
				}),
			),
		],
	}));
}

async function standing(resolve: Resolve, of: PlacementCase): Promise<readonly Standing[]> {
	const { timelines, media } = await resolve.model();
	const count = { video: 0, audio: 0 };
	return timelines[0]!.tracks.flatMap(({ kind, items }) => {
		const track = `${kind === 'video' ? 'V' : 'A'}${++count[kind]}`;
		return items.map((item) => ({
			kind,
			track,
			name: item.name,
			start: item.start - of.startFrame,
			end: item.start - of.startFrame + item.duration,
			path: media.find(({ id }) => id === item.media)?.path ?? null,
		}));
	});
}
