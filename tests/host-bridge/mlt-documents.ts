/**
 * Small MLT documents as the editors write them: two shots with a gap on V1, their sound on A1.
 * They hold what Pickup and melt look at; Kdenlive adds much more that neither reads.
 */

export type Shot = {
	readonly path: string;
	readonly name: string;
	/** Where it stands and how long, in frames. */
	readonly start: number;
	readonly frames: number;
};

export type ProjectOptions = {
	readonly shots: readonly Shot[];
	readonly rate?: { readonly num: number; readonly den: number };
	readonly root?: string;
	/** Clock times with milliseconds, as Kdenlive writes them, or bare frame counts. */
	readonly times?: 'clock' | 'frames';
	/** Sound of other people on A1 and A2, over the gap. */
	readonly otherSound?: readonly (readonly Shot[])[];
	readonly chains?: boolean;
	readonly groups?: string;
	/** Frames of the black background beyond the last shot. */
	readonly padding?: number;
};

export const UUID = '{1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed}';

/** Kdenlive 22.12 and older: one timeline, its notes in the bin. */
export function kdenlive2212(options: ProjectOptions): string {
	const writer = writerFor(options);
	const main = writer.end + (options.padding ?? 0);
	return `<?xml version='1.0' encoding='utf-8'?>
<mlt LC_NUMERIC="C" producer="main_bin" version="7.12.0" root="${options.root ?? ''}">
${writer.profile}
${writer.producers('bin')}
 <playlist id="main_bin">
  <property name="kdenlive:docproperties.activeTrack">2</property>
  <property name="kdenlive:docproperties.audioChannels">2</property>
  <property name="kdenlive:docproperties.audioTarget">1</property>
  <property name="kdenlive:docproperties.documentid">1669133283000</property>
  <property name="kdenlive:docproperties.groups">${options.groups ?? '[\n]\n'}</property>
  <property name="kdenlive:docproperties.kdenliveversion">22.12.3</property>
  <property name="kdenlive:docproperties.profile">atsc_1080p_25</property>
  <property name="kdenlive:docproperties.version">1.04</property>
  <property name="kdenlive:docproperties.videoTarget">2</property>
  <property name="kdenlive:folder.-1.20">Rushes</property>
  <property name="xml_retain">1</property>
${writer.binEntries}
 </playlist>
${writer.black('id="black_track"', '', main)}
${writer.tracks}
 <tractor id="tractor4" in="${writer.time(0)}" out="${writer.time(main - 1)}">
${writer.multitrack('black_track')}
 </tractor>
</mlt>
`;
}

/** Kdenlive 23.04 and newer: sequences with UUIDs, and a project tractor around the open one. */
export function kdenlive2412(options: ProjectOptions): string {
	const writer = writerFor(options);
	const { end, time } = writer;
	return `<?xml version='1.0' encoding='utf-8'?>
<mlt LC_NUMERIC="C" producer="main_bin" root="${options.root ?? ''}" version="7.28.0">
${writer.profile}
${writer.black('id="producer0"', '\n  <property name="kdenlive:playlistid">black_track</property>', end + (options.padding ?? 0))}
${writer.tracks}
 <tractor id="${UUID}" in="${time(0)}" out="${time(end - 1)}">
  <property name="kdenlive:uuid">${UUID}</property>
  <property name="kdenlive:clipname">Sequence 1</property>
  <property name="kdenlive:sequenceproperties.hasAudio">1</property>
  <property name="kdenlive:sequenceproperties.hasVideo">1</property>
  <property name="kdenlive:sequenceproperties.activeTrack">2</property>
  <property name="kdenlive:sequenceproperties.tracksCount">4</property>
  <property name="kdenlive:sequenceproperties.documentuuid">${UUID}</property>
  <property name="kdenlive:duration">00:00:02:15</property>
  <property name="kdenlive:maxduration">${end}</property>
  <property name="kdenlive:producer_type">17</property>
  <property name="kdenlive:id">30</property>
  <property name="kdenlive:clip_type">0</property>
  <property name="kdenlive:folderid">20</property>
  <property name="kdenlive:sequenceproperties.audioTarget">1</property>
  <property name="kdenlive:sequenceproperties.tracks">4</property>
  <property name="kdenlive:sequenceproperties.videoTarget">2</property>
  <property name="kdenlive:sequenceproperties.groups">${options.groups ?? '[\n]\n'}</property>
  <property name="kdenlive:sequenceproperties.timecodeOffset">90000</property>
${writer.multitrack('producer0')}
 </tractor>
${writer.producers('bin')}
 <playlist id="main_bin">
  <property name="kdenlive:folder.-1.20">Sequences</property>
  <property name="kdenlive:sequenceFolder">20</property>
  <property name="kdenlive:docproperties.audioChannels">2</property>
  <property name="kdenlive:docproperties.kdenliveversion">24.12.3</property>
  <property name="kdenlive:docproperties.uuid">${UUID}</property>
  <property name="kdenlive:docproperties.version">1.1</property>
  <property name="kdenlive:docproperties.opensequences">${UUID}</property>
  <property name="kdenlive:docproperties.activetimeline">${UUID}</property>
  <property name="xml_retain">1</property>
  <entry in="${time(0)}" out="${time(end - 1)}" producer="${UUID}"/>
${writer.binEntries}
 </playlist>
 <tractor id="tractor5" in="${time(0)}" out="${time(end - 1)}">
  <property name="kdenlive:projectTractor">1</property>
  <track in="${time(0)}" out="${time(end - 1)}" producer="${UUID}"/>
 </tractor>
</mlt>
`;
}

/** Shotcut: clips on V1 carry their sound; A1 is an audio track. */
export function shotcut(options: ProjectOptions): string {
	const writer = writerFor({ times: 'clock', ...options, chains: true });
	const { end, time } = writer;
	const sound = options.otherSound?.[0] ?? [];
	return `<?xml version="1.0" standalone="no"?>
<mlt LC_NUMERIC="C" version="7.13.0" title="Shotcut version 22.12.21" producer="main_bin"${options.root === undefined ? '' : ` root="${options.root}"`}>
${writer.profile}
  <playlist id="main_bin">
    <property name="xml_retain">1</property>
  </playlist>
${writer.black('id="black"', '', end)}
  <playlist id="background">
    <entry producer="black" in="${time(0)}" out="${time(end - 1)}"/>
  </playlist>
${writer.sources(options.shots, 'chain', [], 'shotcut:caption')}
  <playlist id="playlist0">
    <property name="shotcut:video">1</property>
    <property name="shotcut:name">V1</property>
${writer.entries(options.shots, 'chain')}
  </playlist>
${writer.sources(sound, 'audiochain', [], 'shotcut:caption')}
  <playlist id="playlist1">
    <property name="shotcut:audio">1</property>
    <property name="shotcut:name">A1</property>
${writer.entries(sound, 'audiochain')}
  </playlist>
  <tractor id="tractor0" title="Shotcut version 22.12.21" in="${time(0)}" out="${time(end - 1)}">
    <property name="shotcut">1</property>
    <property name="shotcut:projectAudioChannels">2</property>
    <track producer="background"/>
    <track producer="playlist0"/>
    <track producer="playlist1" hide="video"/>
${mix(0, 1, false)}
${composite(0, 1, '<property name="disable">1</property>')}
${mix(0, 2, false)}
  </tractor>
</mlt>
`;
}

export function mix(a: number, b: number, kdenlive = true): string {
	const own = kdenlive
		? '<property name="kdenlive_id">mix</property><property name="internal_added">237</property>'
		: '';
	return `  <transition id="mix${b}">
   <property name="a_track">${a}</property>
   <property name="b_track">${b}</property>
   <property name="mlt_service">mix</property>${own}
   <property name="always_active">1</property>
   <property name="sum">1</property>
  </transition>`;
}

function composite(a: number, b: number, more = ''): string {
	return `  <transition id="composite${b}">
   <property name="a_track">${a}</property>
   <property name="b_track">${b}</property>
   <property name="mlt_service">composite</property>
   <property name="internal_added">237</property>
   <property name="always_active">1</property>
   <property name="fill">1</property>${more}
  </transition>`;
}

function writerFor(options: ProjectOptions) {
	const rate = options.rate ?? { num: 25, den: 1 };
	const clock = (options.times ?? 'clock') === 'clock';
	const time = (frames: number) => (clock ? clockTime(frames, rate) : String(frames));
	const other = options.otherSound ?? [];
	const allShots = [...options.shots, ...other.flat()];
	const end = Math.max(...allShots.map((shot) => shot.start + shot.frames));
	const name = options.chains ? 'chain' : 'producer';
	const producer = (shot: Shot, id: string, more: readonly string[], caption: string) =>
		[
			` <${name} id="${id}"${options.chains ? '' : ` in="${time(0)}"`} out="${time(shot.frames - 1)}">`,
			`  <property name="length">${shot.frames}</property>`,
			'  <property name="eof">pause</property>',
			`  <property name="resource">${escapeXml(shot.path)}</property>`,
			'  <property name="audio_index">1</property>',
			'  <property name="video_index">0</property>',
			'  <property name="mlt_service">avformat-novalidate</property>',
			`  <property name="${caption}">${escapeXml(shot.name)}</property>`,
			...more.map((text) => `  ${text}`),
			` </${name}>`,
		].join('\n');
	const sources = (
		shots: readonly Shot[],
		prefix: string,
		more: readonly string[],
		caption: string,
	) =>
		shots
			.map((shot, index) =>
				producer(
					shot,
					`${prefix}${index}`,
					[...more, `<property name="kdenlive:id">${kdenliveId(shot)}</property>`],
					caption,
				),
			)
			.join('\n');
	const kdenliveId = (shot: Shot) => allShots.indexOf(shot) + 2;
	const entries = (shots: readonly Shot[], prefix: string) => {
		let at = 0;
		return shots
			.map((shot, index) => {
				const blank = shot.start > at ? `  <blank length="${time(shot.start - at)}"/>\n` : '';
				at = shot.start + shot.frames;
				return `${blank}  <entry producer="${prefix}${index}" in="${time(0)}" out="${time(shot.frames - 1)}">
   <property name="kdenlive:id">${kdenliveId(shot)}</property>
  </entry>`;
			})
			.join('\n');
	};
	const uuids = (use: string) =>
		use === 'bin'
			? ['<property name="kdenlive:control_uuid">{0b0693a1-c93b-489f-ada0-0dea11cff2ff}</property>']
			: [];
	const producers = (
		use: 'bin' | 'picture' | 'sound',
		shots: readonly Shot[] = allShots,
		prefix: string = use,
	) =>
		sources(
			shots,
			prefix,
			[
				...uuids(use),
				...(use === 'bin'
					? []
					: [`<property name="set.test_audio">${use === 'picture' ? 1 : 0}</property>`]),
				...(use === 'bin'
					? []
					: [`<property name="set.test_image">${use === 'sound' ? 1 : 0}</property>`]),
			],
			'kdenlive:clipname',
		);
	const audioTrack = (
		number: number,
		shots: readonly Shot[],
	) => `${producers('sound', shots, `sound${number}_`)}
 <playlist id="playlist${number * 2}">
  <property name="kdenlive:audio_track">1</property>
${entries(shots, `sound${number}_`)}
 </playlist>
 <playlist id="playlist${number * 2 + 1}">
  <property name="kdenlive:audio_track">1</property>
 </playlist>
 <tractor id="tractor${number}" in="${time(0)}" out="${time(end - 1)}">
  <property name="kdenlive:audio_track">1</property>
  <property name="kdenlive:trackheight">67</property>
  <property name="kdenlive:timeline_active">1</property>
  <track hide="video" producer="playlist${number * 2}"/>
  <track hide="video" producer="playlist${number * 2 + 1}"/>
  <filter id="filter${number}">
   <property name="window">75</property>
   <property name="max_gain">20dB</property>
   <property name="mlt_service">volume</property>
   <property name="internal_added">237</property>
   <property name="disable">1</property>
  </filter>
 </tractor>`;
	const videoTrack = (
		number: number,
		shots: readonly Shot[],
	) => `${producers('picture', shots, `picture${number}_`)}
 <playlist id="playlist${number * 2}">
${entries(shots, `picture${number}_`)}
 </playlist>
 <playlist id="playlist${number * 2 + 1}"/>
 <tractor id="tractor${number}" in="${time(0)}" out="${time(end - 1)}">
  <property name="kdenlive:trackheight">67</property>
  <track hide="audio" producer="playlist${number * 2}"/>
  <track hide="audio" producer="playlist${number * 2 + 1}"/>
 </tractor>`;
	return {
		end,
		time,
		sources,
		entries,
		producers,
		profile: ` <profile frame_rate_num="${rate.num}" sample_aspect_num="1" display_aspect_den="9" colorspace="709" progressive="1" description="small" display_aspect_num="16" frame_rate_den="${rate.den}" width="160" height="90" sample_aspect_den="1"/>`,
		binEntries: allShots
			.map(
				(shot, index) =>
					`  <entry producer="bin${index}" in="${time(0)}" out="${time(shot.frames - 1)}"/>`,
			)
			.join('\n'),
		black: (
			id: string,
			more: string,
			length: number,
		) => ` <producer ${id} in="${time(0)}" out="${time(length - 1)}">
  <property name="length">${length}</property>
  <property name="eof">continue</property>
  <property name="resource">black</property>
  <property name="mlt_service">color</property>${more}
  <property name="mlt_image_format">rgba</property>
  <property name="set.test_audio">0</property>
 </producer>`,
		tracks: [
			audioTrack(0, other[1] ?? []),
			audioTrack(
				1,
				[...options.shots, ...(other[0] ?? [])].sort((a, b) => a.start - b.start),
			),
			videoTrack(2, options.shots),
			videoTrack(3, []),
		].join('\n'),
		multitrack: (black: string) =>
			[
				`  <track producer="${black}"/>`,
				...[0, 1, 2, 3].map((number) => `  <track producer="tractor${number}"/>`),
				mix(0, 1),
				mix(0, 2),
				composite(0, 3),
				composite(0, 4),
			].join('\n'),
	};
}

/** As MLT writes a clock: hours and minutes cut off in whole frames, then milliseconds. */
function clockTime(frames: number, rate: { readonly num: number; readonly den: number }): string {
	const seconds = (frames * rate.den) / rate.num;
	const two = (value: number) => String(value).padStart(2, '0');
	if (seconds >= 60) throw new RangeError('These documents are shorter than a minute');
	return `00:00:${two(Math.floor(seconds))}.${String(Math.round((seconds % 1) * 1000)).padStart(3, '0')}`;
}

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
