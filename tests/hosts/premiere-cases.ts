import { join } from 'node:path';
import { connect, type Daemon, until } from '../daemon/harness.ts';
import type { Fault } from '../fakes/premiere/faults.ts';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { clipOf, type Track as ModelTrack, Project, trackOf } from '../fakes/premiere/model.ts';
import type { CasePaths } from './case-files.ts';
import type { CaseClip, CaseEnd, CaseTrack, PlacementCase } from './placement-cases.ts';
import type { CasePlace, OpenCase, PlacementHost, Stands } from './placement-hosts.ts';
import type { OpenPremiere, PremiereInterface } from './premiere-interfaces.ts';

/** The simulated Premiere, with what it does wrong switched on. */
export function premiere(by: PremiereInterface, ...faults: readonly Fault[]): PlacementHost {
	const name = `Premiere, by ${by.name}`;
	return {
		name: faults.length === 0 ? name : `${name}, where ${faults.join(' and ')}`,
		lacks: (of) =>
			of.name === 'a locked video track' && !by.tellsLocks
				? 'Premiere does not say that a track is locked'
				: null,
		ends: (of) => endOf(of, by),
		async open(of, place) {
			const project = projectOf(of, place, faults);
			const opened = await by.open(place.daemon, project);
			return openCase(project, opened, place.paths, place.daemon);
		},
	};
}

/** A case as a project, with faults switched on. */
export function projectOf(
	of: PlacementCase,
	{ folder: place, paths }: Pick<CasePlace, 'folder' | 'paths'>,
	faults: readonly Fault[],
): Project {
	const project = new Project('Film', join(place, 'Film.prproj'));
	const sequence = sequenceOf(project, of);
	sequence.tracks = modelTracks(project, of.tracks, paths);
	for (const fault of faults) project.faults.add(fault);
	return project;
}

/** What the person makes of the tracks. */
export function become(project: Project, tracks: readonly CaseTrack[], paths: CasePaths): void {
	project.step('Edited', () => {
		project.sequence(project.active!).tracks = modelTracks(project, tracks, paths);
	});
}

/** Nobody adds a track from outside, and a sound may not fit on one. */
function endOf({ name, end }: PlacementCase, { tellsLocks }: PremiereInterface): CaseEnd {
	const noTrack = /^No audio track is free there/;
	switch (name) {
		case 'clips without sound':
		case 'no free audio track':
			return { lands: false, code: 'no-free-track', says: noTrack };
		case 'a locked audio track':
			return tellsLocks ? { lands: false, code: 'no-free-track', says: noTrack } : NO_SOUND;
		case 'mono':
		case '5.1':
			return NO_SOUND;
		default:
			return end;
	}
}

const NO_SOUND: CaseEnd = {
	lands: false,
	code: 'host-refused',
	says: /^Premiere put no sound on A1/,
	late: true,
};

async function openCase(
	project: Project,
	opened: OpenPremiere,
	paths: CasePaths,
	daemon: Daemon,
): Promise<OpenCase> {
	const peer = await connect(daemon);
	const findHost = async () =>
		(await peer.call('host.watch', {})).hosts.find(({ state }) => state.project?.id === project.id);
	const host = await until('Premiere', findHost);
	return {
		host,
		async become(tracks) {
			become(project, tracks, paths);
			await until('the agent to notice', async () => {
				const now = await findHost();
				return now && now.state.revision > host.state.revision;
			});
		},
		readBack: async (path) => stands(project, path),
		async close() {
			opened.unload();
			await peer.close();
		},
	};
}

function sequenceOf(project: Project, { name, rate, startFrame, dropFrame }: PlacementCase) {
	const ticksPerFrame = (TICKS * BigInt(rate.den)) / BigInt(rate.num);
	return project.addSequence({
		name,
		ticksPerFrame,
		zeroPoint: BigInt(startFrame) * ticksPerFrame,
		size: { width: 160, height: 90 },
		displayFormat: dropFrame ? 102 : 103,
	});
}

const CHANNELS = { silent: null, mono: 1, stereo: 2, '5.1': 6, nested: 2, adjustment: null };

function modelTracks(
	project: Project,
	tracks: readonly CaseTrack[],
	paths: CasePaths,
): ModelTrack[] {
	const { ticksPerFrame } = project.sequence(project.active!);
	return tracks.map(({ kind, clips, locked = false, transitions = [] }) => {
		const media = clips[0]?.media;
		const channels = kind === 'audio' && media !== undefined ? CHANNELS[media] : null;
		return trackOf(kind, {
			isLocked: locked,
			channels,
			clips: clips.map((clip) => modelClip(project, kind, clip, paths, ticksPerFrame)),
			transitions: transitions.map(({ start, end }) => ({
				name: 'Überblendung',
				start: BigInt(start) * ticksPerFrame,
				end: BigInt(end) * ticksPerFrame,
			})),
		});
	});
}

function modelClip(
	project: Project,
	kind: ModelTrack['kind'],
	{ name, start, end, media }: CaseClip,
	paths: CasePaths,
	ticksPerFrame: bigint,
) {
	const item =
		media === 'nested'
			? project.addItem({ kind: 'sequence', name, sequence: 'inner' })
			: media === 'adjustment'
				? project.addItem({ kind: 'adjustment', name })
				: project.addItem({ kind: 'media', name, media: lookAt(paths[media]) });
	const at = { start: BigInt(start) * ticksPerFrame, end: BigInt(end) * ticksPerFrame };
	return clipOf({ kind, item: item.id, name, ...at });
}

/** As the model has it, which is not how the plugin reads it. */
export function stands(project: Project, path: string): readonly Stands[] {
	const { tracks, ticksPerFrame } = project.sequence(project.active!);
	return tracks.flatMap(({ kind, clips }) =>
		clips
			.filter(({ item }) => project.item(item).media?.path === path)
			.map(({ start, end }) => ({
				kind,
				start: Number(start / ticksPerFrame),
				frames: Number((end - start) / ticksPerFrame),
			})),
	);
}
