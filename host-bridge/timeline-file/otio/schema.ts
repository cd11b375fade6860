import { type Json, malformed, member, needMember, stringOf } from './json.ts';

/** The newest version of each schema that this reader knows. */
const KNOWN: Readonly<Record<string, number>> = {
	SerializableCollection: 1,
	Timeline: 1,
	Stack: 1,
	Track: 1,
	Clip: 2,
	Gap: 1,
	Transition: 1,
	ExternalReference: 1,
	MissingReference: 1,
	GeneratorReference: 1,
	ImageSequenceReference: 1,
	LinearTimeWarp: 1,
	FreezeFrame: 1,
	TimeEffect: 1,
};

/** Names that older versions of OpenTimelineIO wrote. */
const FORMER: Readonly<Record<string, string>> = {
	SerializeableCollection: 'SerializableCollection',
	Sequence: 'Track',
	Filler: 'Gap',
};

/** Today's name of an object's schema, whether or not this reader knows it. */
export function schemaName(object: Json): string {
	if (object.type !== 'object') throw malformed(object, 'an object');
	const node = needMember(object, 'OTIO_SCHEMA');
	const match = /^(\w{1,100})\.(\d{1,6})$/.exec(stringOf(node));
	if (!match) throw malformed(node, 'a schema such as "Clip.2"');
	const written = match[1] ?? '';
	const name = Object.hasOwn(FORMER, written) ? (FORMER[written] ?? written) : written;
	const newest = Object.hasOwn(KNOWN, name) ? (KNOWN[name] ?? 0) : 0;
	if (newest > 0 && Number(match[2]) > newest) {
		throw malformed(node, `${name}.${newest} or older`, 'timeline-unsupported');
	}
	return name;
}

/** `timeline-unsupported` for an object whose schema has no business where it stands. */
export function unexpectedSchema(object: Json, expected: string) {
	return malformed(needMember(object, 'OTIO_SCHEMA'), expected, 'timeline-unsupported');
}

/** Metadata of an item, if it is an object as OpenTimelineIO writes it. */
export function metadataOf(item: Json, tool: string): Json | undefined {
	const all = member(item, 'metadata');
	const own = all?.type === 'object' ? member(all, tool) : undefined;
	return own?.type === 'object' ? own : undefined;
}
