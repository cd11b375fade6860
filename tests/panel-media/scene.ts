import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Media } from '../../protocol/media.ts';
import { ZERO } from '../../protocol/time.ts';
import type { Daemon, Peer } from '../daemon/harness.ts';
import { clicks, makeFilm, SIZE } from '../media/media-files.ts';

export const RATE = { num: 25, den: 1 };

/** Samples of 48 kHz in a frame. */
export const SAMPLES = 1920;

export const SEQUENCE = {
	name: 'cut',
	rate: RATE,
	size: SIZE,
	pixelAspect: { num: 1, den: 1 },
	duration: 200,
	startFrame: 90_000,
	dropFrame: false,
	sampleRate: 48_000,
} as const;

/** A film of numbered frames, with a click in the sound at the start of each of those named. */
export async function film(
	folder: string,
	name: string,
	count: number,
	clicksAt: readonly number[] = [],
	options: readonly string[] = [],
): Promise<string> {
	const sound = join(folder, `${name}.f32`);
	const places = clicksAt.map((frame) => frame * SAMPLES);
	await writeFile(sound, clicks(count * SAMPLES, places, 2));
	return makeFilm(join(folder, `${name}.mov`), {
		count,
		rate: '25',
		options: [
			...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '10', '-bf', '0'],
			...['-c:a', 'pcm_s16le', ...options],
		],
		sound: { path: sound, rate: 48_000, channels: 2 },
	});
}

/** A clip of a film from one of its frames on. */
export function clipOf(path: string, range: readonly [number, number], from = 0) {
	return {
		name: path,
		track: 'V1',
		range: { start: range[0], end: range[1] },
		source: { kind: 'file', path },
		sourceIn: from === 0 ? ZERO : { num: from, den: RATE.num },
		speed: { num: 1, den: 1 },
		enabled: true,
	} as const;
}

/** What a ticket leads to. */
export async function fetchMedia(daemon: Daemon, peer: Peer, media: Media) {
	const { path, loop } = await peer.call('media.ticket', { media });
	const answer = await fetch(`http://127.0.0.1:${daemon.port}${path}`);
	if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
	return { path, loop, bytes: Buffer.from(await answer.arrayBuffer()) };
}
