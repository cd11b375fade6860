/** As many pictures of the page a sought frame is waited for; twice as many each time after that. */
const FIRST_WAIT = 10;

export type DrawnSeek = {
	/** `rate`: frames a second. */
	readonly seek: (frame: number, rate: number) => void;
	readonly end: () => void;
};

/**
 * Seeks frames of a video until they are drawn. A busy browser may say that a seek is over and go on
 * showing an earlier picture: then it is sought again, elsewhere within the frame. Of browsers that do
 * not tell what they draw a seek is believed. While a frame is not there the video says `data-asking`.
 *
 * Browsers know times and no frames: the middle of a frame's time is what is sought, so that no
 * rounding shows the one beside it.
 */
export function drawnSeek(video: HTMLVideoElement): DrawnSeek {
	const canTell = 'requestVideoFrameCallback' in video;
	/** Start of the frame that is drawn, in seconds. */
	let drawn = Number.NaN;
	let wanted = { frame: 0, rate: 1 };
	let tries = 0;
	let waited = 0;
	let told = 0;
	let looking = 0;
	if (canTell) told = video.requestVideoFrameCallback(onDrawn);

	function onDrawn(_now: number, { mediaTime }: { readonly mediaTime: number }): void {
		drawn = mediaTime;
		told = video.requestVideoFrameCallback(onDrawn);
	}

	function look(): void {
		const { frame, rate } = wanted;
		const isThere = Math.abs(drawn - frame / rate) < 0.5 / rate;
		// What plays goes on from where it was sought.
		if (isThere || !video.paused) {
			rest();
			return;
		}
		const isStill = video.readyState >= video.HAVE_CURRENT_DATA && !video.seeking;
		waited = isStill ? waited + 1 : 0;
		if (waited > FIRST_WAIT * 2 ** tries) {
			tries += 1;
			waited = 0;
			video.currentTime = (frame + (tries % 2 === 1 ? 0.4 : 0.5)) / rate;
		}
		looking = requestAnimationFrame(look);
	}

	function rest(): void {
		looking = 0;
		delete video.dataset.asking;
	}

	return {
		seek(frame, rate) {
			wanted = { frame, rate };
			tries = 0;
			waited = 0;
			video.currentTime = (frame + 0.5) / rate;
			if (!canTell || looking !== 0) return;
			video.dataset.asking = 'true';
			looking = requestAnimationFrame(look);
		},
		end() {
			cancelAnimationFrame(looking);
			if (canTell) video.cancelVideoFrameCallback(told);
			rest();
		},
	};
}
