import { randomUUID } from 'node:crypto';
import { connect, until } from '../../daemon/harness.ts';
import { mltOf } from '../../fakes/after-effects/mlt.ts';
import {
	addComp,
	addFootage,
	type CompModel,
	type LayerModel,
	layerModel,
	type Model,
} from '../../fakes/after-effects/model.ts';
import type { Faults } from '../../fakes/after-effects/program.ts';
import type { CasePaths } from '../case-files.ts';
import type { CaseClip, CaseTrack, PlacementCase } from '../placement-cases.ts';
import type { FaultyHost, Standing } from '../placement-faults.ts';
import type { CasePlace, OpenCase, PlacementHost, Stands } from '../placement-hosts.ts';
import { type Running, startAfterEffects, startAgent } from './stage.ts';

/** What goes wrong, by what a person would say of it. */
const FAULTS: Readonly<Record<string, Partial<Faults>>> = {
	'answers stay empty': { emptyAnswers: true },
	'one answer stays empty': { emptyAnswers: 'once' },
	'scripts may not write files': { filesOff: true },
	'layers are created at the start': { layersAtStart: true },
	'nothing can be imported': { importFails: true },
	'start times are not taken': { ignores: 'startTime' },
	'out points are not taken': { ignores: 'outPoint' },
	'layers stay where they are in the stack': { ignores: 'moveBefore' },
	'sound cannot be switched': { ignores: 'audioEnabled' },
	'no layer is made, and another one given': { ignores: 'add' },
};

/** Simulated After Effects with a case open, and with what it does wrong. */
export function afterEffectsHost(name: string, faults: Partial<Faults> = {}): PlacementHost {
	return {
		name,
		lacks: ({ tracks }) => {
			if (tracks.some(({ transitions = [] }) => transitions.length > 0)) {
				return 'After Effects has no transitions: layers overlap, and effects fade them';
			}
			const isLocked = tracks.some(({ locked }) => locked);
			return isLocked
				? 'After Effects locks layers, and a locked one keeps nobody from adding another'
				: null;
		},
		open: async (of, place) => {
			const running = await startAfterEffects();
			Object.assign(running.program.faults, faults);
			return openCase(running, of, place);
		},
	};
}

export type OpenAfterEffects = OpenCase & { readonly running: Running };

export async function openCase(
	running: Running,
	of: PlacementCase,
	{ daemon, paths }: CasePlace,
): Promise<OpenAfterEffects> {
	const { program } = running;
	program.model.path = `/projects/${randomUUID()}.aep`;
	const comp = addComp(program.model, {
		name: of.name,
		rate: of.rate,
		duration: seconds(of, 250),
		displayStartTime: seconds(of, of.startFrame),
		dropFrame: of.dropFrame,
		time: seconds(of, 10),
		workAreaDuration: seconds(of, 250),
	});
	program.model.activeItem = comp.id;
	stack(program.model, comp, of, of.tracks, paths);
	const agent = startAgent(running, daemon.state);
	const peer = await connect(daemon);
	const findHost = async () =>
		(await peer.call('host.watch', {})).hosts.find(
			({ state }) => state.project?.path === program.model.path,
		);
	const host = await until('After Effects to be connected', findHost);
	return {
		host,
		running,
		async become(tracks) {
			program.change('Edit', (model) => {
				const found = model.items.find(({ id }) => id === comp.id) as CompModel;
				found.layers = [];
				stack(model, found, of, tracks, paths);
			});
			await until('the agent to notice', async () => {
				const now = await findHost();
				return now && now.state.revision > host.state.revision;
			});
		},
		readBack: async (path) => standsIn(program.model, comp.id, path),
		async close() {
			agent.end();
			await peer.close();
			await running.close();
		},
	};
}

/** Where a file stands in the model itself, which is not how the script reads it. */
export function standsIn(model: Model, comp: number, path: string): readonly Stands[] {
	const { layers, rate } = model.items.find(({ id }) => id === comp) as CompModel;
	const frameOf = (at: number) => Math.round((at * rate.num) / rate.den);
	return layers.flatMap((layer) => {
		const source = model.items.find(({ id }) => id === layer.source);
		if (source?.type !== 'footage' || source.file !== path) return [];
		const start = frameOf(layer.inPoint);
		const place = { start, frames: frameOf(layer.outPoint) - start };
		return [
			...(layer.enabled ? [{ kind: 'video' as const, ...place }] : []),
			...(layer.audioEnabled && source.hasAudio ? [{ kind: 'audio' as const, ...place }] : []),
		];
	});
}

/** Layers for the tracks: a clip of picture with the sound of the same name is one layer. */
function stack(
	model: Model,
	comp: CompModel,
	of: PlacementCase,
	tracks: readonly CaseTrack[],
	paths: CasePaths,
): void {
	const videos = tracks.filter(({ kind }) => kind === 'video').flatMap(({ clips }) => clips);
	const audios = tracks.filter(({ kind }) => kind === 'audio').flatMap(({ clips }) => clips);
	const add = (clip: CaseClip, on: Partial<LayerModel>) => {
		const { start, end, name } = clip;
		const isAdjustment = clip.media === 'adjustment';
		const layer = layerModel(model, {
			name,
			source: sourceOf(model, clip, paths),
			inPoint: seconds(of, start),
			outPoint: seconds(of, end),
			adjustment: isAdjustment,
			...on,
		});
		comp.layers.unshift(layer);
	};
	for (const clip of videos) {
		const isHeard = audios.some(({ name }) => name === clip.name);
		add(clip, { audioEnabled: isHeard });
	}
	for (const clip of audios) {
		const isSeen = videos.some(({ name }) => name === clip.name);
		if (!isSeen) add(clip, { enabled: false });
	}
}

function sourceOf(model: Model, { media, name }: CaseClip, paths: CasePaths): number {
	if (media === 'adjustment') {
		return addFootage(model, { source: 'solid', file: null, duration: 0, hasAudio: false, name })
			.id;
	}
	if (media !== 'nested') {
		const hasAudio = media !== 'silent';
		return addFootage(model, { file: paths[media], hasAudio, name: media }).id;
	}
	const inner = addComp(model, { name, duration: 10 });
	const film = addFootage(model, { file: paths.stereo });
	inner.layers.push(layerModel(model, { source: film.id, inPoint: 0, outPoint: 8 }));
	return inner.id;
}

function seconds({ rate }: PlacementCase, frames: number): number {
	return (frames * rate.den) / rate.num;
}

/** Simulated After Effects that begins to do something wrong once the case is open. */
export const FAULTY_AFTER_EFFECTS: FaultyHost = {
	...afterEffectsHost('simulated After Effects'),
	faults: Object.keys(FAULTS),
	async open(of, place, fault) {
		const open = await openCase(await startAfterEffects(), of, place);
		Object.assign(open.running.program.faults, FAULTS[fault]);
		return {
			...open,
			standing: async () => standingIn(open.running.program.model),
			melt: async () => mltOf(open.running.program.model, compIn(open.running.program.model)),
		};
	},
};

function compIn(model: Model): CompModel {
	return model.items.find(({ id }) => id === model.activeItem) as CompModel;
}

/** Every layer of the composition in front, as the model has it; on which track ours was put, its comment says. */
export function standingIn(model: Model): readonly Standing[] {
	const { layers, rate } = compIn(model);
	const frameOf = (at: number) => Math.round((at * rate.num) / rate.den);
	return layers.flatMap((layer) => {
		const source = model.items.find(({ id }) => id === layer.source);
		const path = source?.type === 'footage' ? source.file : null;
		const isHeard = layer.audioEnabled && source?.type === 'footage' && source.hasAudio;
		const [video = 'layer', audio = 'layer'] = ['V', 'A'].map(
			(of) => new RegExp(`${of}\\d+`).exec(layer.comment)?.[0],
		);
		const place = { start: frameOf(layer.inPoint), end: frameOf(layer.outPoint) };
		const shared = { name: layer.name ?? '', path, ...place };
		return [
			...(layer.enabled ? [{ kind: 'video' as const, track: video, ...shared }] : []),
			...(isHeard ? [{ kind: 'audio' as const, track: audio, ...shared }] : []),
		];
	});
}
