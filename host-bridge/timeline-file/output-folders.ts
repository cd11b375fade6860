import { join, parse, resolve } from 'node:path';
import { isTaken } from '../../files/write-whole.ts';

export type OutputFolders = {
	/** Where the new timeline goes. */
	readonly output: string;
	/** Where its clips go. */
	readonly media: string;
};

/** Where the new file of a timeline goes and its clips beside it; nothing is made or looked at. */
export function foldersFor(
	timeline: { readonly path: string; readonly relativeMedia: boolean },
	output?: string,
): OutputFolders {
	const { dir, name } = parse(timeline.path);
	// A timeline that names its media by their place beside it must stay there, unless told otherwise.
	const beside = timeline.relativeMedia ? dir : join(dir, fitting(name, ' pickup'));
	const folder = resolve(output ?? beside);
	return { output: folder, media: join(folder, 'media') };
}

/** The timeline's own name where it is free in the folder, else with a number: `cut 2.xml`. */
export async function freeName(folder: string, timeline: string): Promise<string> {
	const { name, ext } = parse(timeline);
	for (let number = 1; ; number++) {
		const candidate = fitting(name, number === 1 ? ext : ` ${number}${ext}`);
		if (!(await isTaken(join(folder, candidate)))) return candidate;
	}
}

/** What most file systems take as one name, in bytes. */
const LONGEST_NAME = 255;

/** The name with an ending, cut short between characters where both would be too long for a name. */
function fitting(name: string, ending: string): string {
	const characters = [...name];
	const isLong = () => Buffer.byteLength(characters.join('') + ending) > LONGEST_NAME;
	while (characters.length > 1 && isLong()) characters.pop();
	return characters.join('') + ending;
}
