import { type FileHandle, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openRegular } from '../../files/open-regular.ts';
import { errorCode } from '../../files/system-errors.ts';
import { PickupError } from '../../protocol/errors.ts';

/**
 * Containers that hold their media themselves. Playlists (hls, concat, dash, sdp) and image
 * patterns (image2) are left out: they make ffmpeg open other files or addresses.
 */
const CONTAINERS = [
	...[
		'mov',
		'matroska',
		'avi',
		'mxf',
		'mpegts',
		'mpeg',
		'mpegvideo',
		'h264',
		'hevc',
		'flv',
		'asf',
		'dv',
		'gxf',
	],
	...['nut', 'ivf', 'gif', 'yuv4mpegpipe'],
	...['wav', 'w64', 'aiff', 'caf', 'flac', 'mp3', 'aac', 'ac3', 'eac3', 'ogg', 'au', 'amr'],
].join(',');

/** Stills are told by their first bytes, here in hexadecimal, so that `%03d` in a name is only a name. */
const STILLS: readonly (readonly [format: string, start: RegExp])[] = [
	['png_pipe', /^89504e470d0a/],
	['jpeg_pipe', /^ffd8ff/],
	['tiff_pipe', /^(49492a00|4d4d002a)/],
	['webp_pipe', /^52494646.{8}57454250/],
	['bmp_pipe', /^424d.{24}[0-7].000000/],
	['exr_pipe', /^762f3101/],
	['dpx_pipe', /^(53445058|58504453)/],
	['psd_pipe', /^384250530001/],
];

/**
 * The absolute real path of a regular file that can be read. Symbolic links are followed.
 * Throws PickupError `media-offline` where nothing is there, `not-a-regular-file` for folders,
 * devices, pipes and sockets, `media-unreadable` where it may not be read or is empty.
 */
export async function checkedFile(path: string): Promise<string> {
	const real = await realPath(path);
	const file = await openMedia(real, path);
	await file.close();
	return real;
}

/** What goes before and including `-i` to read the file, and whether it is a still. */
export async function inputArguments(
	path: string,
): Promise<{ readonly path: string; readonly args: readonly string[]; readonly still: boolean }> {
	const real = await realPath(path);
	const file = await openMedia(real, path);
	try {
		const head = Buffer.alloc(32);
		const { bytesRead } = await file.read(head, 0, head.length, 0);
		const start = head.toString('hex', 0, bytesRead);
		const still = STILLS.find(([, pattern]) => pattern.test(start))?.[0];
		return {
			path: real,
			still: still !== undefined,
			args: [
				...['-protocol_whitelist', 'file,pipe'],
				...['-format_whitelist', still ?? CONTAINERS],
				...(still ? ['-f', still] : []),
				...['-i', `file:${real}`],
			],
		};
	} catch (error) {
		throw unreadable(path, error);
	} finally {
		await file.close();
	}
}

/** A path that ffmpeg is to write, so that no name is taken for an option or an address. */
export function outputArgument(path: string): string {
	return `file:${resolve(path)}`;
}

async function realPath(path: string): Promise<string> {
	try {
		return await realpath(resolve(path));
	} catch (error) {
		const code = errorCode(error);
		if (code === 'EACCES' || code === 'EPERM') throw unreadable(path, error);
		throw new PickupError('media-offline', `Expected a file at ${path}, found none`, {
			field: path,
			cause: error,
		});
	}
}

async function openMedia(real: string, path: string): Promise<FileHandle> {
	const file = await openRegular(real).catch((error: unknown) => {
		throw error instanceof PickupError ? error : unreadable(path, error);
	});
	const { size } = await file.stat();
	if (size > 0) return file;
	await file.close();
	throw unreadable(path, new Error('the file is empty'));
}

function unreadable(path: string, cause: unknown): PickupError {
	const why = cause instanceof Error ? cause.message : String(cause);
	return new PickupError('media-unreadable', `Expected a readable file at ${path}: ${why}`, {
		field: path,
		cause,
	});
}
