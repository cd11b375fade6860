import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertNever } from '../../protocol/errors.ts';
import {
	type Levels,
	type LevelsOf,
	type Loop,
	levelsSchema,
	type Media,
	type TakeScores,
	takeScoresSchema,
} from '../../protocol/media.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Cuts } from '../hosts/cuts.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { FileMark } from '../jobs/job-table.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Ffmpeg } from '../media/types.ts';
import { finishedClip } from './finished-clip.ts';
import { frameOf, takeFrameOf } from './frame.ts';
import { heardIn, heardInTake, levelsIn } from './levels.ts';
import type { MediaCache, Wanted } from './media-cache.ts';
import { playableLoop, playableTake } from './playable.ts';
import { posterOf } from './poster.ts';
import { scoresOf } from './scores.ts';
import { stillOf } from './still.ts';
import { Turns } from './turns.ts';

export type PanelMediaOptions = {
	readonly journal: Journal;
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	readonly cache: MediaCache;
	readonly previews: string;
};

export type FoundMedia = {
	readonly path: string;
	readonly type: string;
	readonly name: string;
	readonly mark?: FileMark;
	readonly loop?: Loop;
};

export type PanelMedia = {
	/** The file, made where it is not there yet. Throws PickupError, or the signal's reason. */
	find(media: Media, signal: AbortSignal): Promise<FoundMedia>;
	/** How a take meets what stands beside it. Throws the same. */
	scores(jobId: string, signal: AbortSignal): Promise<TakeScores>;
	/** In so many stretches. Throws the same. */
	levels(of: LevelsOf, points: number, signal: AbortSignal): Promise<Levels>;
};

const FILMS = {
	h264: { type: 'video/mp4', name: 'film.mp4' },
	vp9: { type: 'video/webm', name: 'film.webm' },
} as const;

/** What panels see and hear. */
export function openPanelMedia(options: PanelMediaOptions): PanelMedia {
	const { journal, hosts, cuts, ffmpeg, cache, previews } = options;
	const pictures = new Turns(2);
	const films = new Turns(1);
	const measures = new Turns(1);

	/** So many at a time: a person may look at dozens of things in a second. */
	function made(wanted: Wanted, turns: Turns, signal: AbortSignal): Promise<string> {
		const make: Wanted['make'] = (to, stop) => turns.take(() => wanted.make(to, stop), stop);
		return cache.find({ ...wanted, make }, signal);
	}

	async function openCut(id: string): Promise<Cut> {
		const host = hosts.openSequence(id);
		return (await cuts.of(host, host.where)).cut;
	}

	return {
		async find(media, signal) {
			switch (media.kind) {
				case 'poster': {
					const clip = await finishedClip(journal, media.jobId);
					const path = await made(posterOf(clip, ffmpeg), pictures, signal);
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
					const path = await made(await stillOf(media.path, ffmpeg), pictures, signal);
					return { path, type: 'image/png', name: 'still.png' };
				}
				case 'frame': {
					const wanted = await frameOf(media, { hosts, cuts, ffmpeg });
					const path = await made(wanted, pictures, signal);
					return { path, type: 'image/png', name: 'frame.png' };
				}
				case 'take-frame': {
					const clip = await finishedClip(journal, media.jobId);
					const path = await made(takeFrameOf(clip, media, ffmpeg), pictures, signal);
					return { path, type: 'image/png', name: 'frame.png' };
				}
				case 'take': {
					const clip = await finishedClip(journal, media.jobId);
					const path = await made(playableTake(clip, media, ffmpeg), films, signal);
					return { path, ...FILMS[media.form] };
				}
				case 'loop': {
					const clip = await finishedClip(journal, media.jobId);
					const { wanted, loop } = playableLoop(clip, media, ffmpeg);
					return { path: await made(wanted, films, signal), ...FILMS[media.form], loop };
				}
				default:
					return assertNever(media);
			}
		},
		async scores(jobId, signal) {
			const clip = await finishedClip(journal, jobId);
			const path = await made(scoresOf(clip, ffmpeg), measures, signal);
			return takeScoresSchema.parse(JSON.parse(await readFile(path, 'utf8')));
		},
		async levels(of, points, signal) {
			const heard =
				of.kind === 'take'
					? heardInTake(await finishedClip(journal, of.jobId))
					: heardIn(await openCut(of.host), of.range);
			const path = await made(await levelsIn(heard, points, ffmpeg), pictures, signal);
			return levelsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
		},
	};
}
