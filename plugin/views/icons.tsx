import type { ReactNode } from 'react';

/** On a grid of 16 px; what is filled has the class `f`. */
const SHAPES = {
	check: <path d="m3.5 8.3 3 3 6-6.6" />,
	clock: (
		<>
			<circle cx="8" cy="8" r="5.5" />
			<path d="M8 4.9V8l2.2 1.5" />
		</>
	),
	copy: (
		<>
			<rect x="5.5" y="5.5" width="7.5" height="7.5" rx="1" />
			<path d="M10.5 5.2V3H3v7.5h2.2" />
		</>
	),
	down: <path d="M4.5 6.3 8 9.8l3.5-3.5" />,
	folder: <path d="M2.5 4.2h3.8l1.3 1.6h5.9v6.7h-11z" />,
	grip: (
		<path
			className="f"
			d="M5 3.5h1.6v1.6H5zM9.4 3.5H11v1.6H9.4zM5 7.2h1.6v1.6H5zM9.4 7.2H11v1.6H9.4zM5 10.9h1.6v1.6H5zM9.4 10.9H11v1.6H9.4z"
		/>
	),
	info: (
		<>
			<circle cx="8" cy="8" r="5.7" />
			<path d="M8 7.4v3.4M8 5.2v.1" />
		</>
	),
	keys: (
		<>
			<path d="M5.9 6.2a2.1 2.1 0 1 1 3.2 1.8c-.8.5-1.1.9-1.1 1.8" />
			<path d="M8 12.1v.1" />
		</>
	),
	left: <path d="M9.7 4 5.9 8l3.8 4" />,
	lock: (
		<>
			<rect x="3.8" y="7.2" width="8.4" height="6" rx="1" />
			<path d="M5.6 7V5.4a2.4 2.4 0 0 1 4.8 0V7" />
		</>
	),
	loop: (
		<path d="M4.5 12 2.7 10.2l1.8-1.8M2.9 10.2h8.3a2.2 2.2 0 0 0 2.2-2.2M11.5 4l1.8 1.8-1.8 1.8M13.1 5.8H4.8A2.2 2.2 0 0 0 2.6 8" />
	),
	minus: <path d="M3.8 8h8.4" />,
	mute: <path d="M3 6.3v3.4h2.2L8.2 12V4L5.2 6.3zM10.6 6.4l3 3.2M13.6 6.4l-3 3.2" />,
	pause: <path className="f" d="M4.5 3.5h2.4v9H4.5zM9.1 3.5h2.4v9H9.1z" />,
	play: <path className="f" d="M5 3.2v9.6l7.6-4.8z" />,
	plug: <path d="M5.8 2.5v3M10.2 2.5v3M4.2 5.5h7.6v2.2a3.8 3.8 0 0 1-7.6 0zM8 11.5v2.2" />,
	plus: <path d="M8 3.8v8.4M3.8 8h8.4" />,
	reroll: (
		<>
			<path d="M12.8 6.6A5 5 0 0 0 3.6 6M3.2 9.4a5 5 0 0 0 9.2.6" />
			<path d="M3.4 3.2V6h2.8M12.6 12.8V10H9.8" />
		</>
	),
	right: <path d="M6.3 4l3.8 4-3.8 4" />,
	search: (
		<>
			<circle cx="7" cy="7" r="4" />
			<path d="m10 10 3.3 3.3" />
		</>
	),
	sound: (
		<path d="M3 6.3v3.4h2.2L8.2 12V4L5.2 6.3zM10.4 6a3 3 0 0 1 0 4M12.2 4.4a5.2 5.2 0 0 1 0 7.2" />
	),
	star: <path d="m8 2.6 1.7 3.5 3.8.5-2.8 2.7.7 3.8L8 11.3l-3.4 1.8.7-3.8-2.8-2.7 3.8-.5z" />,
	starred: (
		<path
			className="f"
			d="m8 2.6 1.7 3.5 3.8.5-2.8 2.7.7 3.8L8 11.3l-3.4 1.8.7-3.8-2.8-2.7 3.8-.5z"
		/>
	),
	stepBack: (
		<>
			<path className="f" d="M12 3.8v8.4L6.4 8z" />
			<path d="M4.6 4v8" />
		</>
	),
	stepOn: (
		<>
			<path className="f" d="M4 3.8v8.4L9.6 8z" />
			<path d="M11.4 4v8" />
		</>
	),
	still: (
		<>
			<rect x="2.5" y="3.5" width="11" height="9" rx="1" />
			<path d="m2.8 11 3-3 2.2 2.2 2-1.7 3.2 2.8" />
			<circle cx="10.4" cy="6.2" r=".8" />
		</>
	),
	stop: (
		<>
			<path d="M5.5 2.5h5l3 3v5l-3 3h-5l-3-3v-5z" />
			<path d="M8 5v3.6M8 10.8v.1" />
		</>
	),
	trash: <path d="M3 4.5h10M6.2 4.3V3h3.6v1.3M4.4 4.7l.6 8.3h6l.6-8.3" />,
	unlock: (
		<>
			<rect x="3.8" y="7.2" width="8.4" height="6" rx="1" />
			<path d="M5.6 7V5.4a2.4 2.4 0 0 1 4.6-.9" />
		</>
	),
	unplug: (
		<path d="M5.8 2.5v3M10.2 2.5v3M4.2 5.5h7.6v2.2a3.8 3.8 0 0 1-7.6 0zM8 11.5v2.2M2.5 13.5l11-11" />
	),
	vary: (
		<>
			<path d="M3 10.5V3h7.5" />
			<rect x="5.5" y="5.5" width="8" height="8" rx="1" />
			<path d="M9.5 7.5v4M7.5 9.5h4" />
		</>
	),
	warn: (
		<>
			<path d="M8 2.8 14 13H2z" />
			<path d="M8 6.6v3M8 11.2v.1" />
		</>
	),
	x: <path d="m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6" />,
} as const satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** 16 px, or 12 beside small text. Words stand beside it or name what it is in. */
export function Icon({
	name,
	small = false,
	tone,
}: {
	name: IconName;
	small?: boolean;
	tone?: 'caution' | 'stop';
}) {
	const classes = ['icon', small ? 'small' : '', tone ?? ''].filter((each) => each !== '');
	return (
		<svg className={classes.join(' ')} viewBox="0 0 16 16" aria-hidden="true">
			{SHAPES[name]}
		</svg>
	);
}
