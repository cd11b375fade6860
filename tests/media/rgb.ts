import { runFfmpeg } from '../../inference-daemon/media/process.ts';
import { ffmpeg } from './media-files.ts';

/** What ffmpeg makes of its input, or by itself, as packed red, green and blue. */
export async function rgbFrom(args: readonly string[], input?: Uint8Array): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	await runFfmpeg(ffmpeg, {
		args: [
			...['-loglevel', 'level+error', ...args],
			...['-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
		],
		...(input ? { input: once(input) } : {}),
		onOutput: (chunk) => chunks.push(chunk),
	});
	return Buffer.concat(chunks);
}

/** The pixels of a PNG, as ffmpeg reads it. */
export function rgbOfPng(png: Uint8Array): Promise<Buffer> {
	return rgbFrom(['-xerror', '-f', 'image2pipe', '-c:v', 'png', '-i', 'pipe:0'], png);
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
	yield data;
}
