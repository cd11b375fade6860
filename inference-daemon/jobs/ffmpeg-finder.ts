import { findFfmpeg } from '../media/locate.ts';
import type { Ffmpeg } from '../media/types.ts';

/** How long a missing ffmpeg is taken for missing, in ms: somebody may be installing it. */
const LOOK_AGAIN = 3000;

/** Looks for ffmpeg once, in vain or not. Throws `ffmpeg-missing`. */
export function ffmpegFinder(setting: string | null): () => Promise<Ffmpeg> {
	let looking: Promise<Ffmpeg> | null = null;
	return () => {
		looking ??= findFfmpeg(setting === null ? {} : { setting }).catch((error: unknown) => {
			setTimeout(() => {
				looking = null;
			}, LOOK_AGAIN).unref();
			throw error;
		});
		return looking;
	};
}
