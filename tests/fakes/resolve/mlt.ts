import type { ResolveItem, ResolveModel } from '../../hosts/resolve.ts';

/**
 * The first timeline of the simulated Resolve as a project for melt, so that code that is not ours
 * shows what stands there: from its first frame on, at a rate without a fraction.
 */
export function timelineForMelt({ media, timelines }: ResolveModel): string {
	const [timeline] = timelines;
	if (!timeline) throw new Error('There is no timeline');
	const [width, height] = timeline.size;
	const profile = `width="${width}" height="${height}" frame_rate_num="${timeline.rate}" frame_rate_den="1" sample_aspect_num="1" sample_aspect_den="1" progressive="1"`;
	const ends = timeline.tracks.flatMap(({ items }) => items.map(endOf));
	const length = Math.max(...ends) - timeline.start;
	const black = `<producer id="black" in="0" out="${length - 1}"><property name="resource">black</property><property name="mlt_service">color</property><property name="length">${length}</property></producer>`;
	const clips: string[] = [];
	const playlists = timeline.tracks.map(({ kind, items }, track) => {
		let at = timeline.start;
		const entries = [...items]
			.filter((item) => item.enabled !== false && item.type !== 'transition')
			.sort((a, b) => a.start - b.start)
			.map((item, index) => {
				const path = media.find(({ id }) => id === item.media)?.path;
				if (!path) throw new Error(`${item.name} has no file`);
				const id = `clip-${track}-${index}`;
				const other = kind === 'video' ? 'audio_index' : 'video_index';
				clips.push(
					`<producer id="${id}"><property name="resource">${escaped(path)}</property><property name="mlt_service">avformat</property><property name="${other}">-1</property></producer>`,
				);
				const gap = item.start - at;
				at = endOf(item);
				const left = item.left ?? 0;
				const blank = gap > 0 ? `<blank length="${gap}"/>` : '';
				return `${blank}<entry producer="${id}" in="${left}" out="${left + item.duration - 1}"/>`;
			});
		return `<playlist id="track-${track}">${entries.join('')}</playlist>`;
	});
	const tracks = timeline.tracks.map(({ kind }, track) => {
		const hide = kind === 'video' ? 'audio' : 'video';
		return `<track producer="track-${track}" hide="${hide}"/>`;
	});
	const mixes = timeline.tracks.map(({ kind }, track) => {
		const service = kind === 'video' ? 'composite' : 'mix';
		const sum = kind === 'video' ? '' : '<property name="sum">1</property>';
		return `<transition in="0" out="${length - 1}"><property name="a_track">0</property><property name="b_track">${track + 1}</property><property name="mlt_service">${service}</property><property name="always_active">1</property>${sum}</transition>`;
	});
	return `<?xml version="1.0"?>
<mlt><profile ${profile}/>${black}${clips.join('')}${playlists.join('')}
<tractor id="timeline" in="0" out="${length - 1}"><track producer="black"/>${tracks.join('')}${mixes.join('')}</tractor></mlt>`;
}

function endOf({ start, duration }: ResolveItem): number {
	return start + duration;
}

function escaped(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
