import { TICKS } from './media.ts';
import type { Clip, Project, Track } from './model.ts';

/**
 * The sequence in front as an MLT project, for a renderer that is not ours to say what the edit
 * shows. Clips that play at their own speed; what is switched off or muted is left out.
 */
export function mltOf(project: Project): string {
	const { tracks, ticksPerFrame, size } = project.sequence(project.active!);
	const frames = (ticks: bigint) => Number(ticks / ticksPerFrame);
	const length = Math.max(...tracks.flatMap(({ clips }) => clips.map(({ end }) => frames(end))));
	// An integer of ticks in every rate that there is: the common divisor is the rate's own.
	const divisor = greatestCommonDivisor(TICKS, ticksPerFrame);
	const rate = `frame_rate_num="${TICKS / divisor}" frame_rate_den="${ticksPerFrame / divisor}"`;
	const entry = (track: Track, clip: Clip, from: number, id: string): string => {
		const blank = frames(clip.start) - from;
		const first = frames(clip.in);
		const last = first + frames(clip.end) - frames(clip.start) - 1;
		const { media } = project.item(clip.item);
		if (!media || clip.isDisabled || track.isMuted) {
			return `<blank length="${blank + last - first + 1}"/>`;
		}
		return `${blank > 0 ? `<blank length="${blank}"/>` : ''}<entry producer="${id}" in="${first}" out="${last}"/>`;
	};
	const playlists = tracks.map((track, at) => {
		let from = 0;
		const entries = track.clips.map((clip, index) => {
			const text = entry(track, clip, from, `clip-${at}-${index}`);
			from = frames(clip.end);
			return text;
		});
		return `${track.clips.map((clip, index) => producer(project, track, clip, `clip-${at}-${index}`)).join('\n')}
<playlist id="list-${at}">${entries.join('')}</playlist>`;
	});
	const used = tracks.map(
		({ kind }, at) =>
			`<track producer="list-${at}" hide="${kind === 'video' ? 'audio' : 'video'}"/>`,
	);
	const blends = tracks.map(({ kind }, at) => {
		const service = kind === 'video' ? 'composite' : 'mix';
		const more = kind === 'video' ? property('fill', 1) : property('sum', 1);
		return `<transition>${property('a_track', 0)}${property('b_track', at + 1)}${property('mlt_service', service)}${property('always_active', 1)}${more}</transition>`;
	});
	return `<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" producer="main">
<profile description="Premiere" ${rate} width="${size.width}" height="${size.height}" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="${size.width}" display_aspect_den="${size.height}" colorspace="709"/>
<producer id="black" in="0" out="${length - 1}">${property('length', length)}${property('resource', 'black')}${property('mlt_service', 'color')}</producer>
${playlists.join('\n')}
<tractor id="main" in="0" out="${length - 1}"><track producer="black"/>${used.join('')}${blends.join('')}</tractor>
</mlt>
`;
}

function producer(project: Project, { kind }: Track, { item }: Clip, id: string): string {
	const { media } = project.item(item);
	if (!media) return '';
	const length = media.duration / project.sequence(project.active!).ticksPerFrame;
	const parts = [
		property('length', Number(length)),
		property('eof', 'pause'),
		property('resource', media.path),
		property('mlt_service', 'avformat-novalidate'),
		property(kind === 'video' ? 'set.test_audio' : 'set.test_image', 1),
	];
	return `<producer id="${id}" in="0" out="${length - 1n}">${parts.join('')}</producer>`;
}

function property(name: string, value: string | number): string {
	const text = String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
	return `<property name="${name}">${text}</property>`;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
	return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
