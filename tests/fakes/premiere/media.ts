import { execFileSync } from 'node:child_process';

/** Adobe's ticks in a second. */
export const TICKS = 254_016_000_000n;

/** A file as Premiere knows it when it has been imported. Times in ticks. */
export type Media = {
	readonly path: string;
	/** Ticks of the picture where there is one, else of the sound. */
	readonly duration: bigint;
	/** Null for sound alone. */
	readonly picture: { readonly width: number; readonly height: number } | null;
	/** 0 without sound. */
	readonly channels: number;
};

type Stream = {
	readonly codec_type: string;
	readonly width?: number;
	readonly height?: number;
	readonly channels?: number;
	readonly r_frame_rate?: string;
	readonly nb_frames?: string;
	readonly duration?: string;
};

const known = new Map<string, Media>();

/** Looks at a file with ffprobe. Throws where it cannot be read. */
export function lookAt(path: string): Media {
	const before = known.get(path);
	if (before) return before;
	const text = execFileSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', path], {
		encoding: 'utf8',
	});
	const { streams } = JSON.parse(text) as { readonly streams: readonly Stream[] };
	const video = streams.find(({ codec_type }) => codec_type === 'video');
	const audio = streams.find(({ codec_type }) => codec_type === 'audio');
	const media = {
		path,
		duration: video ? ticksOfPicture(video) : ticksOfSeconds(audio?.duration ?? '0'),
		picture: video ? { width: video.width ?? 0, height: video.height ?? 0 } : null,
		channels: audio?.channels ?? 0,
	};
	known.set(path, media);
	return media;
}

function ticksOfPicture({ r_frame_rate = '25/1', nb_frames = '1' }: Stream): bigint {
	const [num = '25', den = '1'] = r_frame_rate.split('/');
	return (BigInt(nb_frames) * BigInt(den) * TICKS) / BigInt(num);
}

function ticksOfSeconds(seconds: string): bigint {
	return BigInt(Math.round(Number(seconds) * 48_000)) * (TICKS / 48_000n);
}
