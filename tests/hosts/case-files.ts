import { pathToFileURL } from 'node:url';
import { nominalRate } from '../../protocol/time.ts';
import { clip, file, rate, sequence, transition, xmeml } from '../host-bridge/xmeml.ts';
import type { CaseClip, CaseMedia, CaseTrack, PlacementCase } from './placement-cases.ts';

/** The paths of the files that clips of a case play. */
export type CasePaths = Readonly<Record<Exclude<CaseMedia, 'nested' | 'adjustment'>, string>>;

/** A case as a timeline file in one format. */
export type CaseWriter = (
	of: PlacementCase,
	tracks: readonly CaseTrack[],
	paths: CasePaths,
) => string;

const CHANNELS: Readonly<Record<CaseMedia, number>> = {
	silent: 0,
	mono: 1,
	stereo: 2,
	'5.1': 6,
	nested: 2,
	adjustment: 0,
};

/** FCP 7 XML, where a sound is on as many tracks as it has channels. */
export const fcp7Case: CaseWriter = (of, tracks, paths) => {
	const ntsc = of.rate.den === 1001;
	const own = rate(nominalRate(of.rate), ntsc ? 'TRUE' : 'FALSE');
	const item = (each: CaseClip, channel: number) => {
		const more =
			channel === 0
				? ''
				: `<sourcetrack><mediatype>audio</mediatype><trackindex>${channel}</trackindex></sourcetrack>`;
		return clip(each.start, each.end, {
			name: each.name,
			rate: own,
			media: mediaOf(each),
			more,
		});
	};
	const mediaOf = ({ name, media, start, end }: CaseClip): string => {
		if (media === 'adjustment') {
			return `<file id="slug-${name}"><name>${name}</name><mediaSource>Slug</mediaSource></file>`;
		}
		if (media !== 'nested') return file(`file-${media}`, pathToFileURL(paths[media]).href, own);
		const inner = clip(0, end - start, {
			rate: own,
			media: file('file-stereo', pathToFileURL(paths.stereo).href, own),
		});
		return sequence({ id: `nested-${name}`, name, rate: own, video: [[inner]], audio: [[inner]] });
	};
	const trackOf = ({ clips, transitions = [], locked }: CaseTrack, channel: number) => {
		const items = clips.flatMap((each) => {
			const at = (frame: number) =>
				transitions.filter(({ start, end }) => start === frame || end === frame);
			const [head] = at(each.start);
			const [tail] = at(each.end);
			return [
				...(head ? [transition(head.start, head.end, 'start-black')] : []),
				item(each, channel),
				...(tail ? [transition(tail.start, tail.end, 'end-black')] : []),
			];
		});
		const switches = `<enabled>TRUE</enabled><locked>${locked ? 'TRUE' : 'FALSE'}</locked>`;
		return `<track>${items.join('')}${switches}</track>`;
	};
	const videos = tracks.filter(({ kind }) => kind === 'video').map((track) => trackOf(track, 0));
	const audios = tracks
		.filter(({ kind }) => kind === 'audio')
		.flatMap((track) => {
			const most = Math.max(1, ...track.clips.map(({ media }) => CHANNELS[media]));
			return Array.from({ length: most }, (_, at) => trackOf(track, at + 1));
		});
	const display = of.dropFrame ? 'DF' : 'NDF';
	const timecode = `<timecode>${own}<frame>${of.startFrame}</frame><displayformat>${display}</displayformat></timecode>`;
	return xmeml(
		sequence({ name: of.name, rate: own, duration: 125, timecode, video: videos, audio: audios }),
	);
};

export const otioCase: CaseWriter = (of, tracks, paths) => {
	const time = (value: number) => ({
		OTIO_SCHEMA: 'RationalTime.1',
		rate: of.rate.num / of.rate.den,
		value,
	});
	const range = (start: number, length: number) => ({
		OTIO_SCHEMA: 'TimeRange.1',
		start_time: time(start),
		duration: time(length),
	});
	const named = (schema: string, name: string) => ({ OTIO_SCHEMA: schema, metadata: {}, name });
	const clipOf = (name: string, length: number, media: unknown) => ({
		...named('Clip.1', name),
		source_range: range(0, length),
		media_reference: media,
	});
	const external = (path: string) => ({
		...named('ExternalReference.1', ''),
		available_range: range(0, 200),
		target_url: pathToFileURL(path).href,
	});
	const item = ({ name, media, start, end }: CaseClip) => {
		const length = end - start;
		if (media === 'adjustment') {
			const generator = { ...named('GeneratorReference.1', ''), generator_kind: 'adjustment' };
			return clipOf(name, length, { ...generator, parameters: {} });
		}
		if (media !== 'nested') return clipOf(name, length, external(paths[media]));
		const inner = (kind: string) => ({
			...named('Track.1', kind),
			kind,
			children: [clipOf(`${name} inside`, length, external(paths.stereo))],
		});
		return {
			...named('Stack.1', name),
			source_range: range(0, length),
			children: [inner('Video'), inner('Audio')],
		};
	};
	const fade = (before: number, after: number) => ({
		...named('Transition.1', 'Dissolve'),
		transition_type: 'SMPTE_Dissolve',
		in_offset: time(before),
		out_offset: time(after),
	});
	const trackOf = ({ kind, clips, transitions = [], locked }: CaseTrack, at: number) => {
		let end = 0;
		const children = clips.flatMap((each) => {
			const gap = each.start - end;
			end = each.end;
			const head = transitions.find(({ start }) => start === each.start);
			const tail = transitions.find((one) => one.end === each.end);
			return [
				...(gap > 0 ? [{ ...named('Gap.1', ''), source_range: range(0, gap) }] : []),
				...(head ? [fade(0, head.end - head.start)] : []),
				item(each),
				...(tail ? [fade(tail.end - tail.start, 0)] : []),
			];
		});
		const metadata = locked ? { Resolve_OTIO: { Locked: true } } : {};
		const label = `${kind === 'video' ? 'V' : 'A'}${at}`;
		return {
			...named('Track.1', label),
			metadata,
			kind: kind === 'video' ? 'Video' : 'Audio',
			source_range: null,
			children,
		};
	};
	const timeline = {
		...named('Timeline.1', of.name),
		global_start_time: time(of.startFrame),
		tracks: { ...named('Stack.1', 'tracks'), source_range: null, children: tracks.map(trackOf) },
	};
	return `${JSON.stringify(timeline, null, 4)}\n`;
};

const UUID = '{1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed}';

/** Kdenlive 24.12: audio tracks downwards from the video, each of two playlists. */
export const kdenliveCase: CaseWriter = (of, tracks, paths) => {
	const { num, den } = of.rate;
	const ends = tracks.flatMap(({ clips }) => clips.map((each) => each.end));
	const length = Math.max(...ends);
	const property = (name: string, value: string | number) =>
		`<property name="${name}">${value}</property>`;
	const properties = (values: Readonly<Record<string, string | number>>) =>
		Object.entries(values)
			.map(([name, value]) => property(name, value))
			.join('');
	const colour = (id: string, frames: number, name: string) =>
		`<producer id="${id}" in="0" out="${frames - 1}">${properties({ length: frames, eof: 'pause', resource: '#00000000', mlt_service: 'color', 'kdenlive:clipname': name })}</producer>`;
	const service = (each: CaseClip, id: string, kind: CaseTrack['kind']) => {
		const frames = each.end - each.start;
		if (each.media === 'adjustment') return colour(id, frames, each.name);
		if (each.media === 'nested') {
			const inner = colour(`${id}-inside`, frames, each.name);
			return `${inner}<tractor id="${id}" in="0" out="${frames - 1}">${property('kdenlive:clipname', each.name)}<track producer="${id}-inside"/></tractor>`;
		}
		return `<producer id="${id}" in="0" out="${frames - 1}">${properties({
			length: frames,
			eof: 'pause',
			resource: paths[each.media],
			mlt_service: 'avformat-novalidate',
			'kdenlive:clipname': each.name,
			'set.test_audio': kind === 'video' ? 1 : 0,
			'set.test_image': kind === 'audio' ? 1 : 0,
		})}</producer>`;
	};
	const ordered = [
		...tracks.filter(({ kind }) => kind === 'audio').reverse(),
		...tracks.filter(({ kind }) => kind === 'video'),
	];
	const written = ordered.map(({ kind, clips, locked }, at) => {
		let end = 0;
		const entries = clips.map((each, index) => {
			const blank = each.start > end ? `<blank length="${each.start - end}"/>` : '';
			end = each.end;
			return `${blank}<entry producer="clip-${at}-${index}" in="0" out="${each.end - each.start - 1}"/>`;
		});
		const mark = kind === 'audio' ? property('kdenlive:audio_track', 1) : '';
		const lock = locked ? property('kdenlive:locked_track', 1) : '';
		const hide = kind === 'audio' ? 'video' : 'audio';
		return `${clips.map((each, index) => service(each, `clip-${at}-${index}`, kind)).join('\n')}
<playlist id="list-${at}">${mark}${entries.join('')}</playlist>
<playlist id="mixes-${at}">${mark}</playlist>
<tractor id="track-${at}" in="0" out="${length - 1}">${mark}${lock}<track hide="${hide}" producer="list-${at}"/><track hide="${hide}" producer="mixes-${at}"/></tractor>`;
	});
	const blends = ordered.map(({ kind }, at) =>
		kind === 'audio'
			? `<transition id="mix-${at}">${properties({ a_track: 0, b_track: at + 1, mlt_service: 'mix', always_active: 1, sum: 1, internal_added: 237 })}</transition>`
			: `<transition id="blend-${at}">${properties({ a_track: 0, b_track: at + 1, mlt_service: 'composite', always_active: 1, fill: 1, internal_added: 237 })}</transition>`,
	);
	return `<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" producer="main_bin" version="7.28.0">
<profile description="case" frame_rate_num="${num}" frame_rate_den="${den}" width="160" height="90" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" display_aspect_den="9" colorspace="709"/>
<producer id="black" in="0" out="${length - 1}">${properties({ length, eof: 'continue', resource: 'black', mlt_service: 'color', 'kdenlive:playlistid': 'black_track' })}</producer>
${written.join('\n')}
<tractor id="${UUID}" in="0" out="${length - 1}">${properties({
		'kdenlive:uuid': UUID,
		'kdenlive:clipname': of.name,
		'kdenlive:sequenceproperties.timecodeOffset': of.startFrame,
	})}<track producer="black"/>${ordered.map((_, at) => `<track producer="track-${at}"/>`).join('')}${blends.join('')}</tractor>
<playlist id="main_bin">${properties({ 'kdenlive:docproperties.version': '1.1', 'kdenlive:docproperties.activetimeline': UUID, xml_retain: 1 })}<entry producer="${UUID}" in="0" out="${length - 1}"/></playlist>
<tractor id="project" in="0" out="${length - 1}">${property('kdenlive:projectTractor', 1)}<track producer="${UUID}" in="0" out="${length - 1}"/></tractor>
</mlt>
`;
};
