import { join } from 'node:path';
import { connect, type Daemon, until } from '../daemon/harness.ts';
import { type Blender, startBlender, type Which } from './blender.ts';
import type { CaseClip, CaseTrack, PlacementCase } from './placement-cases.ts';
import type { CasePlace, OpenCase, PlacementHost, Stands } from './placement-hosts.ts';

/** The Blenders that there are; one of each serves all cases. */
export const BLENDERS: readonly PlacementHost[] = [
	blenderHost('Blender 3.4', 'window'),
	blenderHost('Blender 5.0', 'module'),
];

function blenderHost(name: string, which: Which): PlacementHost {
	let running: Promise<Blender> | undefined;
	const start = ({ state }: Daemon) =>
		startBlender(which, { state, home: join(state, `home-${which}`) });
	return {
		name,
		lacks: ({ dropFrame }) => (dropFrame ? 'Blender’s timecode never drops frames' : null),
		async open(of, place) {
			running ??= start(place.daemon);
			return openCase(await running, of, place);
		},
	};
}

async function openCase(blender: Blender, of: PlacementCase, place: CasePlace): Promise<OpenCase> {
	const { num, den } = of.rate;
	const path = join(place.folder, 'cut.blend');
	await blender.run(`
fresh()
scene.render.fps, scene.render.fps_base = ${den === 1 ? `${num}, 1` : `${num / 1000}, 1.001`}
scene.frame_start, scene.frame_end = ${of.startFrame}, ${of.startFrame + 124}
${script(of, of.tracks, place)}
bpy.ops.wm.save_as_mainfile(filepath=${text(path)})`);
	const peer = await connect(place.daemon);
	const findHost = async () =>
		(await peer.call('host.watch', {})).hosts.find(({ state }) => state.project?.path === path);
	const host = await until(`${path} to be open`, findHost);
	return {
		host,
		async become(tracks) {
			await blender.run(`for each in list(strips()): strips().remove(each)
${script(of, tracks, place)}`);
			await until('the agent to notice', async () => {
				const now = await findHost();
				return now && now.state.revision > host.state.revision;
			});
		},
		readBack: (media) => stands(blender, media),
		async close() {
			await peer.close();
		},
	};
}

/** As the sequencer has it, which is not how the add-on reads it. */
function stands(blender: Blender, path: string): Promise<readonly Stands[]> {
	return blender.run(`
import os
result = []
for each in strips():
    file = each.sound.filepath if each.type == 'SOUND' else getattr(each, 'filepath', None)
    if file and os.path.samefile(bpy.path.abspath(file), ${text(path)}):
        result.append({
            'kind': 'audio' if each.type == 'SOUND' else 'video',
            'start': int(each.frame_final_start) - scene.frame_start,
            'frames': int(each.frame_final_duration)})
result.sort(key=lambda each: each['kind'], reverse=True)`);
}

/** Python that makes the tracks, each on a channel of its own, the first on the first. */
function script(of: PlacementCase, tracks: readonly CaseTrack[], place: CasePlace): string {
	return tracks
		.flatMap((track, index) => {
			const channel = index + 1;
			const lines = track.clips.map((clip) => clipLine(of, track, clip, channel, place));
			const fades = (track.transitions ?? []).flatMap((range, at) => {
				const [start, end] = [of.startFrame + range.start, of.startFrame + range.end];
				const clip = track.clips.find((each) => each.start <= range.start && range.end <= each.end);
				const [black, cross] = [tracks.length + 1, tracks.length + 2];
				return [
					`black = effect('black ${at}', 'COLOR', ${black}, ${start}, ${end})`,
					`effect('fade ${at}', 'CROSS', ${cross}, ${start}, ${end}, strips()['${clip?.name}'], black)`,
				];
			});
			const lock = `editor().channels[${channel}].lock = ${track.locked ? 'True' : 'False'}`;
			return [...lines, ...fades, lock];
		})
		.join('\n');
}

function clipLine(
	of: PlacementCase,
	{ kind }: CaseTrack,
	{ name, start, end, media }: CaseClip,
	channel: number,
	{ paths }: CasePlace,
): string {
	const [from, to] = [of.startFrame + start, of.startFrame + end];
	const ends = `(${from}, ${to})`;
	switch (media) {
		case 'adjustment':
			return `effect('${name}', 'ADJUSTMENT', ${channel}, ${from}, ${to})`;
		case 'nested':
			return kind === 'video'
				? `trimmed(strips().new_scene('${name}', bpy.data.scenes.new('inner'), ${channel}, ${from}), ${ends})`
				: `meta_of_sound('${name}', ${channel}, ${from}, ${text(paths.stereo)}, ${ends})`;
		default:
			return `trimmed(strips().new_${kind === 'video' ? 'movie' : 'sound'}('${name}', ${text(paths[media])}, ${channel}, ${from}), ${ends})`;
	}
}

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}
