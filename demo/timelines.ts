import { pathToFileURL } from 'node:url';
import type { Size } from '../protocol/schemas.ts';
import { type FrameRate, nominalRate } from '../protocol/time.ts';

/** A clip with picture and stereo sound, used from its first frame. */
export type CutClip = {
	readonly name: string;
	readonly path: string;
	/** Sequence frame at which it starts. */
	readonly start: number;
	readonly frames: number;
};

/** One video track, one stereo pair, whatever lies between the clips is empty. */
export type SimpleCut = {
	readonly name: string;
	readonly rate: FrameRate;
	readonly size: Size;
	/** Timecode of frame 0, in frames. */
	readonly startFrame: number;
	readonly clips: readonly CutClip[];
};

/** The cut as FCP 7 XML, the way Premiere writes it: a stereo pair is two tracks. */
export function fcp7Xml(cut: SimpleCut): string {
	const timebase = nominalRate(cut.rate);
	const rate = `<rate><timebase>${timebase}</timebase><ntsc>${cut.rate.den === 1001 ? 'TRUE' : 'FALSE'}</ntsc></rate>`;
	const { width, height } = cut.size;
	const characteristics = `<samplecharacteristics>${rate}<width>${width}</width><height>${height}</height><anamorphic>FALSE</anamorphic><pixelaspectratio>square</pixelaspectratio><fielddominance>none</fielddominance></samplecharacteristics>`;
	const item = (clip: CutClip, index: number, kind: 'video' | 'audio', channel: number) => {
		const first = kind === 'video';
		const file = first
			? `<file id="file-${index + 1}"><name>${escapeXml(clip.name)}.mov</name><pathurl>${localUrl(clip.path)}</pathurl>${rate}<duration>${clip.frames}</duration><media><video>${characteristics}</video><audio><samplecharacteristics><depth>16</depth><samplerate>48000</samplerate></samplecharacteristics><channelcount>2</channelcount></audio></media></file>`
			: `<file id="file-${index + 1}"/>`;
		const source = first
			? ''
			: `<sourcetrack><mediatype>audio</mediatype><trackindex>${channel}</trackindex></sourcetrack>`;
		return `
					<clipitem id="clipitem-${kind}-${channel}-${index + 1}">
						<name>${escapeXml(clip.name)}</name>
						<enabled>TRUE</enabled>
						<duration>${clip.frames}</duration>
						${rate}
						<start>${clip.start}</start>
						<end>${clip.start + clip.frames}</end>
						<in>0</in>
						<out>${clip.frames}</out>
						${file}${source}
					</clipitem>`;
	};
	const track = (kind: 'video' | 'audio', channel: number) => `
				<track>${cut.clips.map((clip, index) => item(clip, index, kind, channel)).join('')}
					<enabled>TRUE</enabled>
					<locked>FALSE</locked>
				</track>`;
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="4">
	<sequence id="sequence-1">
		<name>${escapeXml(cut.name)}</name>
		<duration>${cutLength(cut)}</duration>
		${rate}
		<timecode>${rate}<frame>${cut.startFrame}</frame><displayformat>NDF</displayformat></timecode>
		<media>
			<video>
				<format>${characteristics}</format>${track('video', 1)}
			</video>
			<audio>
				<format><samplecharacteristics><depth>16</depth><samplerate>48000</samplerate></samplecharacteristics></format>${track('audio', 1)}${track('audio', 2)}
			</audio>
		</media>
	</sequence>
</xmeml>
`;
}

/** The cut as OpenTimelineIO. */
export function otio(cut: SimpleCut): string {
	const rate = cut.rate.num / cut.rate.den;
	const time = (value: number) => ({ OTIO_SCHEMA: 'RationalTime.1', rate, value });
	const range = (start: number, duration: number) => ({
		OTIO_SCHEMA: 'TimeRange.1',
		duration: time(duration),
		start_time: time(start),
	});
	const item = (clip: CutClip) => ({
		OTIO_SCHEMA: 'Clip.1',
		metadata: {},
		name: clip.name,
		source_range: range(0, clip.frames),
		effects: [],
		markers: [],
		media_reference: {
			OTIO_SCHEMA: 'ExternalReference.1',
			metadata: {},
			name: clip.name,
			available_range: range(0, clip.frames),
			target_url: pathToFileURL(clip.path).href,
		},
	});
	const gap = (frames: number) => ({
		OTIO_SCHEMA: 'Gap.1',
		metadata: {},
		name: '',
		source_range: range(0, frames),
		effects: [],
		markers: [],
	});
	const track = (kind: 'Video' | 'Audio') => {
		const children: unknown[] = [];
		let at = 0;
		for (const clip of cut.clips) {
			if (clip.start > at) children.push(gap(clip.start - at));
			children.push(item(clip));
			at = clip.start + clip.frames;
		}
		return { OTIO_SCHEMA: 'Track.1', metadata: {}, name: '', kind, source_range: null, children };
	};
	const timeline = {
		OTIO_SCHEMA: 'Timeline.1',
		metadata: {},
		name: cut.name,
		global_start_time: time(cut.startFrame),
		tracks: {
			OTIO_SCHEMA: 'Stack.1',
			metadata: {},
			name: 'tracks',
			source_range: null,
			children: [track('Video'), track('Audio')],
		},
	};
	return `${JSON.stringify(timeline, null, 4)}\n`;
}

/** The cut as a project that Kdenlive opens and melt renders: one audio and one video track. */
export function kdenlive(cut: SimpleCut): string {
	const { width, height } = cut.size;
	const length = cutLength(cut);
	const producer = (clip: CutClip, index: number, use: 'bin' | 'video' | 'audio') => `
	<producer id="${use}${index}" in="0" out="${clip.frames - 1}">
		<property name="length">${clip.frames}</property>
		<property name="eof">pause</property>
		<property name="resource">${escapeXml(clip.path)}</property>
		<property name="mlt_service">avformat-novalidate</property>
		<property name="seekable">1</property>
		<property name="kdenlive:id">${index + 2}</property>
		<property name="kdenlive:clipname">${escapeXml(clip.name)}</property>${use === 'video' ? '\n\t\t<property name="set.test_audio">1</property>' : ''}${use === 'audio' ? '\n\t\t<property name="set.test_image">1</property>' : ''}
	</producer>`;
	const producers = (use: 'bin' | 'video' | 'audio') =>
		cut.clips.map((clip, index) => producer(clip, index, use)).join('');
	const entries = (use: 'video' | 'audio') => {
		let at = 0;
		return cut.clips
			.map((clip, index) => {
				const blank = clip.start > at ? `\n\t\t<blank length="${clip.start - at}"/>` : '';
				at = clip.start + clip.frames;
				return `${blank}\n\t\t<entry producer="${use}${index}" in="0" out="${clip.frames - 1}"><property name="kdenlive:id">${index + 2}</property></entry>`;
			})
			.join('');
	};
	return `<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" producer="main_bin" version="7.12.0">
	<profile description="cut" frame_rate_num="${cut.rate.num}" frame_rate_den="${cut.rate.den}" width="${width}" height="${height}" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="${width}" display_aspect_den="${height}" colorspace="709"/>${producers('bin')}
	<playlist id="main_bin">
		<property name="kdenlive:docproperties.version">1.04</property>
		<property name="kdenlive:docproperties.position">0</property>
		<property name="xml_retain">1</property>${cut.clips.map((clip, index) => `\n\t\t<entry producer="bin${index}" in="0" out="${clip.frames - 1}"/>`).join('')}
	</playlist>
	<producer id="black_track" in="0" out="${length - 1}">
		<property name="length">${length}</property>
		<property name="eof">continue</property>
		<property name="resource">black</property>
		<property name="mlt_service">color</property>
		<property name="mlt_image_format">rgba</property>
		<property name="set.test_audio">0</property>
	</producer>${producers('audio')}
	<playlist id="playlist0">
		<property name="kdenlive:audio_track">1</property>${entries('audio')}
	</playlist>
	<playlist id="playlist1">
		<property name="kdenlive:audio_track">1</property>
	</playlist>
	<tractor id="tractor0" in="0" out="${length - 1}">
		<property name="kdenlive:audio_track">1</property>
		<track hide="video" producer="playlist0"/>
		<track hide="video" producer="playlist1"/>
	</tractor>${producers('video')}
	<playlist id="playlist2">${entries('video')}
	</playlist>
	<playlist id="playlist3"/>
	<tractor id="tractor1" in="0" out="${length - 1}">
		<track hide="audio" producer="playlist2"/>
		<track hide="audio" producer="playlist3"/>
	</tractor>
	<tractor id="tractor2" in="0" out="${length - 1}">
		<track producer="black_track"/>
		<track producer="tractor0"/>
		<track producer="tractor1"/>
		<transition id="transition0">
			<property name="a_track">0</property>
			<property name="b_track">1</property>
			<property name="mlt_service">mix</property>
			<property name="kdenlive_id">mix</property>
			<property name="internal_added">237</property>
			<property name="always_active">1</property>
			<property name="sum">1</property>
		</transition>
		<transition id="transition1">
			<property name="a_track">0</property>
			<property name="b_track">2</property>
			<property name="mlt_service">composite</property>
			<property name="internal_added">237</property>
			<property name="always_active">1</property>
			<property name="fill">1</property>
		</transition>
	</tractor>
</mlt>
`;
}

export function cutLength(cut: SimpleCut): number {
	return Math.max(0, ...cut.clips.map((clip) => clip.start + clip.frames));
}

/** \`file://localhost/…\`, as editors write it. */
function localUrl(path: string): string {
	return pathToFileURL(path).href.replace('file:///', 'file://localhost/');
}

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
