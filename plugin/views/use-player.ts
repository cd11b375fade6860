import { useCallback, useEffect, useRef, useState } from 'react';
import { type DrawnSeek, drawnSeek } from './drawn-seek.ts';

/** One of two videos of the same length that are swapped at the same frame. */
export type Side = 'a' | 'b';

export type Player = {
	readonly frame: number;
	/** −1 backwards, 0 stopped, 1 or 2 times the speed. */
	readonly speed: number;
	readonly isMuted: boolean;
	readonly register: Readonly<Record<Side, (video: HTMLVideoElement) => () => void>>;
	readonly play: (speed: number) => void;
	readonly stop: () => void;
	readonly toggle: () => void;
	readonly seek: (frame: number) => void;
	readonly setMuted: (isMuted: boolean) => void;
};

export type PlayerOptions = {
	/** Which of the two is seen and heard. */
	readonly side: Side;
	/** Frames a second. */
	readonly rate: number;
	/** What is played over and over: frames of the file. */
	readonly from: number;
	readonly to: number;
};

type Shown = { readonly video: HTMLVideoElement; readonly drawn: DrawnSeek };

/** Plays one of two videos by frames. */
export function usePlayer({ side, rate, from, to }: PlayerOptions): Player {
	const videos = useRef<Record<Side, Shown | null>>({ a: null, b: null });
	const [frame, setFrame] = useState(from);
	const [speed, setSpeed] = useState(0);
	const [isMuted, setMuted] = useState(false);
	const at = useRef(from);

	const show = useCallback(
		(next: number) => {
			at.current = next;
			setFrame(next);
			videos.current[side]?.drawn.seek(next, rate);
		},
		[side, rate],
	);
	const seek = useCallback(
		(next: number) => show(Math.max(from, Math.min(to - 1, next))),
		[show, from, to],
	);

	// Another range or another side: the same frame, as far as it is there.
	useEffect(() => {
		seek(at.current);
	}, [seek]);

	useEffect(() => {
		const video = videos.current[side]?.video;
		const other = videos.current[side === 'a' ? 'b' : 'a']?.video;
		other?.pause();
		if (!video || speed === 0) {
			video?.pause();
			return;
		}
		let isOn = true;
		let last = performance.now();
		let owed = 0;
		if (speed > 0) {
			video.playbackRate = speed;
			// Where a browser wants a press first, nothing plays and nothing breaks.
			video.play().catch(() => isOn && setSpeed(0));
		} else {
			video.pause();
		}
		const tick = (now: number) => {
			if (!isOn) return;
			if (speed > 0) {
				const current = Math.floor(video.currentTime * rate + 0.01);
				if (current >= to || video.ended) {
					show(from);
					if (video.paused) video.play().catch(() => {});
				} else if (current !== at.current && !video.seeking) {
					at.current = current;
					setFrame(current);
				}
			} else {
				owed += ((now - last) / 1000) * rate;
				const whole = Math.floor(owed);
				if (whole > 0 && !video.seeking) {
					owed -= whole;
					const next = at.current - whole;
					show(next < from ? to - 1 : next);
				}
			}
			last = now;
			requestAnimationFrame(tick);
		};
		const handle = requestAnimationFrame(tick);
		return () => {
			isOn = false;
			cancelAnimationFrame(handle);
		};
	}, [speed, side, rate, from, to, show]);

	const [register] = useState(() => {
		const registerAs = (which: Side) => (video: HTMLVideoElement) => {
			const drawn = drawnSeek(video);
			videos.current[which] = { video, drawn };
			return () => {
				drawn.end();
				videos.current[which] = null;
			};
		};
		return { a: registerAs('a'), b: registerAs('b') };
	});
	const stop = useCallback(() => setSpeed(0), []);
	const toggle = useCallback(() => setSpeed((now) => (now === 0 ? 1 : 0)), []);
	return { frame, speed, isMuted, register, play: setSpeed, stop, toggle, seek, setMuted };
}
