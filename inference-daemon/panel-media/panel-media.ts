import { join } from 'node:path';
import { assertNever } from '../../protocol/errors.ts';
import type { Media } from '../../protocol/media.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { FileMark, Journal } from '../jobs/journal.ts';
import type { Ffmpeg } from '../media/types.ts';
import { finishedClip } from './finished-clip.ts';
import { MediaCache, type Wanted } from './media-cache.ts';
import { posterOf } from './poster.ts';
import { stillOf } from './still.ts';
import { Turns } from './turns.ts';

export type PanelMediaOptions = {
	readonly journal: Journal;
	readonly hosts: Hosts;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	/** For what can be made again. */
	readonly folder: string;
	readonly previews: string;
};

export type FoundMedia = {
	readonly path: string;
	readonly type: string;
	readonly name: string;
	readonly mark?: FileMark;
};

export type PanelMedia = {
	/** The file, made where it is not there yet. Throws PickupError, or the signal's reason. */
	find(media: Media, signal: AbortSignal): Promise<FoundMedia>;
};

/** Bytes of what is kept to be looked at again. */
const MOST_KEPT = 2 ** 30;

/** What panels see and hear. */
export function openPanelMedia(options: PanelMediaOptions): PanelMedia {
	const { journal, ffmpeg, folder, previews } = options;
	const cache = new MediaCache(folder, MOST_KEPT);
	const pictures = new Turns(2);

	/** Pictures that a person waits for. */
	function picture(wanted: Wanted, signal: AbortSignal): Promise<string> {
		const make: Wanted['make'] = (to, stop) => pictures.take(() => wanted.make(to, stop), stop);
		return cache.find({ ...wanted, make }, signal);
	}

	return {
		async find(media, signal) {
			switch (media.kind) {
				case 'poster': {
					const clip = await finishedClip(journal, media.jobId);
					const path = await picture(posterOf(clip, ffmpeg), signal);
					return { path, type: 'image/jpeg', name: 'poster.jpg' };
				}
				case 'preview': {
					const { id } = journal.job(media.jobId);
					return { path: join(previews, `${id}.png`), type: 'image/png', name: 'preview.png' };
				}
				case 'clip': {
					const { path, mark } = await finishedClip(journal, media.jobId);
					return { path, mark, type: 'video/quicktime', name: 'clip.mov' };
				}
				case 'still': {
					const path = await picture(await stillOf(media.path, ffmpeg), signal);
					return { path, type: 'image/png', name: 'still.png' };
				}
				default:
					return assertNever(media);
			}
		},
	};
}
