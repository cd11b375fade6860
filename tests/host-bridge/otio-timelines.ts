/** OpenTimelineIO objects for tests, as plain data to be written with JSON.stringify. */
export type Otio = { readonly [key: string]: unknown };

export type Pen = {
	readonly rate: number;
	time(value: number, rate?: number): Otio;
	range(start: number, length: number, rate?: number): Otio;
	clip(name: string, range: Otio | null, more?: Otio): Otio;
	gap(length: number, rate?: number): Otio;
	transition(before: number, after: number): Otio;
	track(kind: 'Video' | 'Audio', children: readonly Otio[], more?: Otio): Otio;
	stack(children: readonly Otio[], more?: Otio): Otio;
	timeline(tracks: readonly Otio[], more?: Otio): Otio;
};

export function media(url: string | null, range: Otio | null = null, more: Otio = {}): Otio {
	return url === null
		? { OTIO_SCHEMA: 'MissingReference.1', metadata: {}, name: '', available_range: range }
		: {
				OTIO_SCHEMA: 'ExternalReference.1',
				metadata: {},
				name: '',
				available_range: range,
				target_url: url,
				...more,
			};
}

export function pen(rate: number, version: 1 | 2 = 2): Pen {
	const time = (value: number, own = rate) => ({ OTIO_SCHEMA: 'RationalTime.1', rate: own, value });
	const range = (start: number, length: number, own = rate) => ({
		OTIO_SCHEMA: 'TimeRange.1',
		duration: time(length, own),
		start_time: time(start, own),
	});
	const item = (schema: string, name: string, source: Otio | null) => ({
		OTIO_SCHEMA: schema,
		metadata: {},
		name,
		source_range: source,
		effects: [],
		markers: [],
		enabled: true,
	});
	const reference = (one: unknown) =>
		version === 1
			? { media_reference: one }
			: { media_references: { DEFAULT_MEDIA: one }, active_media_reference_key: 'DEFAULT_MEDIA' };
	const stack = (children: readonly Otio[], more: Otio = {}) => ({
		...item('Stack.1', 'tracks', null),
		children,
		...more,
	});
	return {
		rate,
		time,
		range,
		clip(name, source, { media: own, ...more } = {}) {
			const one = own ?? media(`media/${name}.mov`);
			return { ...item(`Clip.${version}`, name, source), ...reference(one), ...more };
		},
		gap: (length, own) => item('Gap.1', '', range(0, length, own)),
		transition: (before, after) => ({
			OTIO_SCHEMA: 'Transition.1',
			metadata: {},
			name: 'Dissolve',
			in_offset: time(before),
			out_offset: time(after),
			transition_type: 'SMPTE_Dissolve',
		}),
		track: (kind, children, more = {}) => ({
			...item('Track.1', '', null),
			children,
			kind,
			...more,
		}),
		stack,
		timeline: (tracks, more = {}) => ({
			OTIO_SCHEMA: 'Timeline.1',
			metadata: {},
			name: 'Test cut',
			global_start_time: time(rate * 0),
			tracks: stack(tracks),
			...more,
		}),
	};
}
