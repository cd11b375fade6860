import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPremiere } from '../../scripts/build-premiere.mjs';
import { connect, type Daemon, until } from '../daemon/harness.ts';
import type { Fault } from '../fakes/premiere/faults.ts';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { clipOf, type Track as ModelTrack, Project, trackOf } from '../fakes/premiere/model.ts';
import { homeWith, loadPlugin, type Plugin } from '../fakes/premiere/uxp-runtime.ts';
import type { CasePaths } from './case-files.ts';
import type { CaseClip, CaseEnd, CaseTrack, PlacementCase } from './placement-cases.ts';
import type { CasePlace, OpenCase, PlacementHost, Stands } from './placement-hosts.ts';

const folder = mkdtempSync(join(tmpdir(), 'pickup-premiere-'));
/** The plugin's script, built once per test file. */
const built: Promise<string> = build();

async function build(): Promise<string> {
	await buildPremiere({ folder });
	return join(folder, 'premiere-uxp/main.js');
}

/** For afterAll. */
export async function forgetPlugin(): Promise<void> {
	await rm(folder, { recursive: true, force: true });
}

/** Loads the plugin on a project, as Premiere of a person whose daemon it is. */
export async function openPremiere(
	{ state }: Pick<Daemon, 'state'>,
	project: Project,
): Promise<Plugin> {
	const home = await homeWith(state, await mkdtemp(join(folder, 'home-')));
	return loadPlugin(await built, project, home);
}

/** The simulated Premiere, with what it does wrong switched on. */
export function premiere(...faults: readonly Fault[]): PlacementHost {
	return {
		name: faults.length === 0 ? 'Premiere' : `Premiere where ${faults.join(' and ')}`,
		lacks: ({ name }) =>
			name === 'a locked video track' ? 'Premiere does not say that a track is locked' : null,
		ends: endOf,
		async open(of, place) {
			const project = projectOf(of, place, faults);
			const plugin = await openPremiere(place.daemon, project);
			return openCase(project, plugin, place.paths, place.daemon);
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
function endOf({ name, end }: PlacementCase): CaseEnd {
	const noTrack = /^No audio track is free there/;
	switch (name) {
		case 'clips without sound':
		case 'no free audio track':
			return { lands: false, code: 'placement-conflict', says: noTrack };
		case 'a locked audio track':
		case 'mono':
		case '5.1':
			return {
				lands: false,
				code: 'host-refused',
				says: /^Premiere put no sound on A1/,
				late: true,
			};
		default:
			return end;
	}
}

async function openCase(
	project: Project,
	plugin: Plugin,
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
			plugin.unload();
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
