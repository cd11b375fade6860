import { useEffect, useState } from 'react';
import { type Problem, problemOf } from '../../protocol/errors.ts';
import type { Levels, LevelsOf, Media, Ticket } from '../../protocol/media.ts';
import { usePanel, usePanelState } from './panel-context.tsx';

export type Asked<T> =
	| { readonly kind: 'asking' }
	| { readonly kind: 'here'; readonly value: T }
	| { readonly kind: 'refused'; readonly problem: Problem };

/** The address of a file; null asks for nothing. `again` is for one that no longer holds. */
export function useTicket(
	media: Media | null,
	version: string | number = '',
): { readonly asked: Asked<Ticket>; readonly again: () => void } {
	const panel = usePanel();
	const key = JSON.stringify([media, version]);
	const [round, setRound] = useState(0);
	const asked = useAsked(media === null ? null : `${key} ${round}`, () =>
		panel.media.ticket(media!, version),
	);
	return {
		asked,
		again: () => {
			// Once: what is refused twice is not there.
			if (round > 0 || media === null) return;
			panel.media.forget(media, version);
			setRound(1);
		},
	};
}

export function useLevels(of: LevelsOf | null, points: number, version: string | number = '') {
	const panel = usePanel();
	const key = of === null ? null : JSON.stringify([of, points, version]);
	return useAsked<Levels>(key, () => panel.media.levels(of!, points, version));
}

/** An answer for a key; what was there before stays while the next one is asked for. */
export function useAsked<T>(key: string | null, ask: () => Promise<T>): Asked<T> {
	const [answer, setAnswer] = useState<{ key: string | null; asked: Asked<T> }>({
		key: null,
		asked: { kind: 'asking' },
	});
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const isThere = answer.key === key && answer.asked.kind === 'here';
	// biome-ignore lint/correctness/useExhaustiveDependencies: the key says what is asked for
	useEffect(() => {
		if (key === null || !isConnected || isThere) return;
		let isWanted = true;
		ask().then(
			(value) => isWanted && setAnswer({ key, asked: { kind: 'here', value } }),
			(error) =>
				isWanted && setAnswer({ key, asked: { kind: 'refused', problem: problemOf(error) } }),
		);
		return () => {
			isWanted = false;
		};
	}, [key, isConnected]);
	if (key === null) return { kind: 'asking' };
	if (answer.key === key || answer.asked.kind === 'here') return answer.asked;
	return { kind: 'asking' };
}

/** A picture of the cut or of a clip; until it is here and where it cannot be, its place is kept. */
export function Picture({
	media,
	version,
	alt,
	className = 'picture',
	onPlaceholder,
}: {
	media: Media | null;
	version?: string | number;
	alt: string;
	className?: string;
	/** What stands in its place where there is none, and why. */
	onPlaceholder?: (problem: Problem | null) => React.ReactNode;
}) {
	const { asked, again } = useTicket(media, version);
	const [broken, setBroken] = useState('');
	if (asked.kind === 'here' && broken !== asked.value.path) {
		const query = version === undefined ? '' : `?${encodeURIComponent(String(version))}`;
		const { path } = asked.value;
		return (
			<img
				className={className}
				src={`${path}${query}`}
				alt={alt}
				onError={() => {
					setBroken(path);
					again();
				}}
			/>
		);
	}
	return (
		<span
			className={`${className} placeholder`}
			data-asking={media !== null && asked.kind === 'asking'}
		>
			{onPlaceholder?.(asked.kind === 'refused' ? asked.problem : null)}
		</span>
	);
}

/** Sound as a shape: decoration, and so without words. */
export function Wave({
	levels,
	className = 'wave',
}: {
	levels: Asked<Levels>;
	className?: string;
}) {
	const peaks = levels.kind === 'here' ? levels.value.peaks : [];
	const last = Math.max(1, peaks.length - 1);
	// Hearing is closer to the root than to the sample, and so a quiet room is a line and not nothing.
	const height = (peak: number) => Math.max(0.3, Math.sqrt(peak / 255) * 11);
	const up = peaks.map((peak, i) => `${(i * 100) / last} ${(12 - height(peak)).toFixed(2)}`);
	const down = [...peaks.keys()]
		.reverse()
		.map((i) => `${(i * 100) / last} ${(12 + height(peaks[i]!)).toFixed(2)}`);
	return (
		<svg
			className={className}
			viewBox="0 0 100 24"
			preserveAspectRatio="none"
			aria-hidden="true"
			data-asking={levels.kind === 'asking'}
		>
			{peaks.length > 0 && <path d={`M${[...up, ...down].join('L')}Z`} />}
		</svg>
	);
}
