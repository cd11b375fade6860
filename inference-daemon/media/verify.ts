import { PickupError } from '../../protocol/errors.ts';
import { inputArguments } from './files.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import type { Ffmpeg } from './types.ts';

export type ClipCount = { readonly frames: number; readonly samples: number };

/**
 * Reads a finished clip from end to end and counts its video frames and its sample frames of
 * sound. Throws PickupError `media-offline`, `not-a-regular-file`, `media-unreadable` where it
 * breaks off or is no clip at all, or the signal's reason.
 */
export async function countClip(
	ffmpeg: Ffmpeg,
	path: string,
	signal?: AbortSignal,
): Promise<ClipCount> {
	const { video, audio } = await readPackets(ffmpeg, path, signal);
	const samples = audio.reduce((sum, packet) => sum + packet.duration, 0);
	return { frames: video.length, samples };
}

export type Packet = {
	/** In units of the stream's time base; a sample for PCM. */
	readonly pts: number;
	readonly duration: number;
};

export type Packets = {
	readonly video: readonly Packet[];
	readonly audio: readonly Packet[];
	/** Units per second and their denominator of the first video stream, e.g. 1/24000. */
	readonly videoTimeBase: readonly [num: number, den: number];
	readonly audioTimeBase: readonly [num: number, den: number];
};

/** Every packet of the first picture and the first sound, without decoding. */
export async function readPackets(
	ffmpeg: Ffmpeg,
	path: string,
	signal?: AbortSignal,
): Promise<Packets> {
	const input = await inputArguments(path);
	const types = new Map<string, string>();
	const timeBases = new Map<string, readonly [number, number]>();
	const packets = { video: [] as Packet[], audio: [] as Packet[] };
	let faults = '';
	let rest = '';
	const takeLine = (line: string) => {
		const type = /^#media_type (\d+): (\w+)/.exec(line);
		if (type) types.set(type[1]!, type[2]!);
		const timeBase = /^#tb (\d+): (\d+)\/(\d+)/.exec(line);
		if (timeBase) timeBases.set(timeBase[1]!, [Number(timeBase[2]), Number(timeBase[3])]);
		if (line === '' || line.startsWith('#')) return;
		const [index = '', , pts, duration] = line.split(',').map((cell) => cell.trim());
		const packet = { pts: Number(pts), duration: Number(duration) };
		if (types.get(index) === 'video') packets.video.push(packet);
		if (types.get(index) === 'audio') packets.audio.push(packet);
	};
	try {
		await runFfmpeg(ffmpeg, {
			args: [
				...['-loglevel', 'level+error', '-copyts'],
				...input.args,
				...['-map', '0:V:0?', '-map', '0:a:0?', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
			],
			signal,
			onOutput: (chunk) => {
				const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
				rest = lines.pop() ?? '';
				lines.forEach(takeLine);
			},
			onLine: (line) => {
				if (faults === '' && line.includes('[error]')) faults = line;
			},
		});
		if (faults !== '') throw new FfmpegFailure([faults.replace(/^.*\[error\] /, '')], faults);
	} catch (error) {
		if (!(error instanceof FfmpegFailure)) throw error;
		throw new PickupError(
			'media-unreadable',
			`Expected a whole clip at ${input.path}: ${error.message}`,
			{ field: input.path, cause: error },
		);
	}
	const timeBaseOf = (kind: string) => {
		const [index = ''] = [...types].find(([, type]) => type === kind) ?? [];
		return timeBases.get(index) ?? ([0, 1] as const);
	};
	return { ...packets, videoTimeBase: timeBaseOf('video'), audioTimeBase: timeBaseOf('audio') };
}
