/** Parts of FCP 7 XML for tests; `xmeml` lays them out with tabs, one element a line. */

export function rate(timebase: number | string, ntsc = 'FALSE'): string {
	return `<rate><timebase>${timebase}</timebase><ntsc>${ntsc}</ntsc></rate>`;
}

export type ClipParts = {
	readonly id?: string;
	readonly name?: string;
	readonly in?: number;
	readonly out?: number;
	readonly rate?: string;
	readonly enabled?: string;
	/** The URL of its media; or the whole `<file>`, `<sequence>` … that it has. */
	readonly media?: string;
	readonly more?: string;
};

let clips = 0;

export function clip(start: number, end: number, parts: ClipParts = {}): string {
	const id = parts.id ?? `clipitem-${++clips}`;
	const media = parts.media ?? `file:///media/${id}.mov`;
	const from = parts.in ?? 0;
	return `<clipitem id="${id}"><name>${parts.name ?? id}</name><enabled>${parts.enabled ?? 'TRUE'}</enabled>
<duration>1000</duration>${parts.rate ?? ''}<start>${start}</start><end>${end}</end>
<in>${from}</in><out>${parts.out ?? from + end - start}</out>
${media.startsWith('<') ? media : file(`file-of-${id}`, media)}${parts.more ?? ''}</clipitem>`;
}

export function file(id: string, url: string, more = ''): string {
	return `<file id="${id}"><name>${id}</name><pathurl>${url}</pathurl>${more}</file>`;
}

export function transition(start: number, end: number, alignment: string): string {
	return `<transitionitem><start>${start}</start><end>${end}</end><alignment>${alignment}</alignment>
<effect><name>Cross Dissolve</name></effect></transitionitem>`;
}

export function speed(parameters: Readonly<Record<string, string | number>>, more = ''): string {
	const parts = Object.entries(parameters).map(
		([id, value]) =>
			`<parameter><parameterid>${id}</parameterid><value>${value}</value></parameter>`,
	);
	return `<filter><effect><name>Time Remap</name><effectid>timeremap</effectid>
${parts.join('')}${more}</effect></filter>`;
}

export function track(items: readonly string[], more = ''): string {
	return `<track>${items.join('')}<enabled>TRUE</enabled><locked>FALSE</locked>${more}</track>`;
}

export type SequenceParts = {
	readonly id?: string;
	readonly name?: string;
	readonly rate?: string;
	readonly duration?: number;
	readonly timecode?: string;
	readonly video: readonly (readonly string[] | string)[];
	readonly audio?: readonly (readonly string[] | string)[] | null;
};

export function sequence(parts: SequenceParts): string {
	const tracks = (all: SequenceParts['video']) =>
		all.map((each) => (typeof each === 'string' ? each : track(each))).join('');
	const sound =
		parts.audio === null
			? ''
			: `<audio><format><samplecharacteristics><depth>16</depth><samplerate>48000</samplerate></samplecharacteristics></format>${tracks(parts.audio ?? [])}</audio>`;
	return `<sequence id="${parts.id ?? 'sequence-1'}"><name>${parts.name ?? 'Cut'}</name>
<duration>${parts.duration ?? 1000}</duration>${parts.rate ?? rate(25)}<media><video><format>
<samplecharacteristics><width>640</width><height>360</height></samplecharacteristics></format>
${tracks(parts.video)}</video>${sound}</media>${parts.timecode ?? ''}</sequence>`;
}

export function xmeml(...content: readonly string[]): string {
	const flat = `<!DOCTYPE xmeml><xmeml version="5">${content.join('')}</xmeml>`.replaceAll(
		'\n',
		'',
	);
	let depth = 0;
	const lines = flat.match(/<[^>]*>[^<]*(?:<\/[^>]*>(?<=([^<>]|<[^>/]*>)<\/[^>]*>))?/g) ?? [];
	const text = lines.map((line) => {
		if (line.startsWith('</')) depth--;
		const indented = '\t'.repeat(depth) + line;
		const opens = /^<[a-z]/.test(line) && !line.includes('</') && !line.endsWith('/>');
		if (opens) depth++;
		return indented;
	});
	return `<?xml version="1.0" encoding="UTF-8"?>\n${text.join('\n')}\n`;
}
