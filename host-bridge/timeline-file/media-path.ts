import { statSync } from 'node:fs';
import path from 'node:path';
import type { MediaSource } from '../../protocol/timeline.ts';

/**
 * The media file that a timeline names, as a URL or a plain path. Relative ones start at `folder`.
 * What is not a regular file on this machine (missing, a folder, another computer's drive letter,
 * an http: address, a pipe) comes back as `offline` with the reason; this never throws.
 */
export function mediaPathFromUrl(
	text: string,
	folder: string,
	platform: NodeJS.Platform = process.platform,
): MediaSource {
	const written = text.trim();
	if (written === '') return offline('', 'The timeline names no file');
	if (/^file:/i.test(written)) return fromFileUrl(written, folder, platform);
	if (isWindowsPath(written)) {
		// Outside of Windows two slashes at the start are one: some programs join a root to a path so.
		const here = platform !== 'win32' && /^\/+[^/]/.test(written) && onDisk(path.resolve(written));
		return here && here.kind === 'file' ? here : fromWindowsPath(written, platform);
	}
	const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(written)?.[1];
	// Relative URLs are percent-encoded, plain paths are not; backslashes may come from Windows.
	const source = firstOnDisk(
		[written, decoded(written), written.replaceAll('\\', '/'), text].map((name) =>
			absolute(name, folder, platform),
		),
		1,
	);
	if (source.kind === 'offline' && scheme !== undefined) {
		return offline(written, `${scheme}: is not a file on this machine`);
	}
	return source;
}

/** Finds the media that a timeline names, and looks for each on the disk once. */
export class MediaFinder {
	/** Where relative names start: the folder of the timeline. */
	readonly folder: string;
	readonly #found = new Map<string, { text: string; root: string; source: MediaSource }>();

	constructor(folder: string) {
		this.folder = folder;
	}

	/** Looks into `root` first, where the timeline names another folder as well. */
	find(text: string, root = ''): MediaSource {
		const key = JSON.stringify([text, root]);
		const known = this.#found.get(key);
		if (known) return known.source;
		const source = look(text, root, this.folder);
		this.#found.set(key, { text, root, source });
		return source;
	}

	/** Paths that are others when the timeline lies in another folder. */
	lostIn(elsewhere: string): readonly string[] {
		if (elsewhere === this.folder) return [];
		const lost = [...this.#found.values()].flatMap(({ text, root, source }) => {
			const there = look(text, root, elsewhere);
			const [from, to] = [source, there].map((each) => each.kind !== 'synthetic' && each.path);
			return from === to || !from ? [] : [from];
		});
		return [...new Set(lost)];
	}
}

function look(text: string, root: string, folder: string): MediaSource {
	if (root === '' || root === folder) return mediaPathFromUrl(text, folder);
	const first = mediaPathFromUrl(text, root);
	if (first.kind === 'file') return first;
	const second = mediaPathFromUrl(text, folder);
	return second.kind === 'file' ? second : first;
}

/**
 * The file URL of an absolute path, percent-encoded. FCP 7 XML wants the host `localhost`;
 * elsewhere it is empty.
 */
export function urlFromMediaPath(file: string, host: '' | 'localhost' = ''): string {
	const slashes = isWindowsPath(file) ? file.replaceAll('\\', '/') : file;
	const encoded = slashes.split('/').map(encodeURIComponent).join('/');
	if (slashes.startsWith('//')) return `file:${encoded}`;
	return `file://${host}${encoded.startsWith('/') ? '' : '/'}${encoded}`;
}

function fromFileUrl(url: string, folder: string, platform: NodeJS.Platform): MediaSource {
	const rest = url.slice('file:'.length);
	const match = /^\/\/([^/\\]*)(.*)$/s.exec(rest);
	const host = match?.[1] ?? '';
	let name = match?.[2] ?? rest;
	if (/^(localhost)?$/i.test(host) && /^\/*$/.test(name)) {
		return offline('', 'The timeline names no file');
	}
	if (/^[a-z](:|%3a|\|)$/i.test(host)) name = `/${host}${name}`;
	else if (host !== '' && host.toLowerCase() !== 'localhost') {
		return fromWindowsPath(`//${decoded(host)}${decoded(name)}`, platform);
	}
	// A stray % or # is part of the name in files that editors forgot to encode: try both.
	const candidates = [decoded(name), name].map((candidate) => {
		const drive = /^\/+([a-z])[:|](.*)$/is.exec(candidate);
		return drive ? `${drive[1]}:${drive[2]}` : candidate;
	});
	const first = candidates[0] ?? '';
	if (isWindowsPath(first) && (platform === 'win32' || /^[a-z]:/i.test(first))) {
		return fromWindowsPath(first, platform);
	}
	return firstOnDisk(candidates.map((candidate) => absolute(candidate, folder, platform)));
}

function fromWindowsPath(name: string, platform: NodeJS.Platform): MediaSource {
	const file = path.win32.normalize(name);
	if (platform === 'win32') return firstOnDisk([file]);
	const where = /^[a-z]:/i.test(file) ? `drive ${file.slice(0, 2)}` : 'a network share';
	return offline(file, `The file is on ${where} of a Windows computer, and this is not one`);
}

function isWindowsPath(name: string): boolean {
	return /^[a-z]:[\\/]/i.test(name) || name.startsWith('\\\\') || /^\/\/[^/]/.test(name);
}

function absolute(name: string, folder: string, platform: NodeJS.Platform): string {
	return platform === 'win32' ? path.win32.resolve(folder, name) : path.resolve(folder, name);
}

/** The first that is there; where none is, what is said of the `likeliest`. */
function firstOnDisk(candidates: readonly string[], likeliest = 0): MediaSource {
	const answers = candidates.map(onDisk);
	const found = answers.find((answer) => answer.kind === 'file');
	return found ?? answers[likeliest] ?? offline('', 'The timeline names no file');
}

function onDisk(file: string): MediaSource {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
	if (/[\u0000-\u001f]/.test(file)) return offline(file, 'The name has control characters');
	if (file.length > 4096) return offline(file, 'The name is longer than a path can be');
	try {
		const stat = statSync(file, { throwIfNoEntry: false });
		if (stat === undefined) return offline(file, 'There is no such file');
		if (!stat.isFile()) return offline(file, `This is a ${whatIs(stat)}, not a file`);
		return { kind: 'file', path: file };
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		return offline(file, WHY[code ?? ''] ?? `The file cannot be reached (${code})`);
	}
}

const WHY: Readonly<Record<string, string>> = {
	ELOOP: 'Its links lead in a circle',
	EACCES: 'You may not look into its folder',
	ENOTDIR: 'There is no such file',
	ENAMETOOLONG: 'The name is longer than a path can be',
};

function whatIs(stat: { isDirectory(): boolean; isFIFO(): boolean; isSocket(): boolean }): string {
	if (stat.isDirectory()) return 'folder';
	if (stat.isFIFO()) return 'pipe';
	return stat.isSocket() ? 'socket' : 'device';
}

function offline(file: string, reason: string): MediaSource {
	return { kind: 'offline', path: file.slice(0, 4096), reason };
}

/** Percent-decoded, or the text itself where it is no percent-encoding (`100%`, `%04d`). */
function decoded(text: string): string {
	try {
		const result = decodeURIComponent(text);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
		return /[\u0000-\u001f]/.test(result) ? text : result;
	} catch {
		return text;
	}
}
