import type { RawProject } from './raw.ts';

/** The folder in the project that our clips are in. */
const FOLDER = 'Pickup';

/** It says in its comment which project this is and what has been done. */
const MARK = /^Pickup project ([0-9a-f-]+) has:((?: [0-9a-f-]+)*)$/;

/** A comment has room for many more. */
const MOST_OPERATIONS = 200;

/** Done since After Effects was started, also what the person has undone since. */
const done: { [operation: string]: boolean } = {};

export function rawProject(): RawProject {
	const { project } = app;
	const comps: string[] = [];
	for (let at = 1; at <= project.numItems; at += 1) {
		const item = project.item(at);
		if (item instanceof CompItem) comps.push(`${item.id} ${item.name}`);
	}
	return {
		path: project.file ? project.file.fsName : null,
		carries: marks().project,
		comps,
	};
}

export function isDone(operation: string): boolean {
	return done[operation] === true || indexOf(marks().operations, operation) >= 0;
}

/** Notes in the project that an operation was done; within its undo group. */
export function noteDone(operation: string, projectId: string): void {
	const { operations } = marks();
	operations.push(operation);
	const kept = operations.slice(-MOST_OPERATIONS).join(' ');
	folder().comment = `Pickup project ${projectId} has: ${kept}`;
	done[operation] = true;
}

/** Made where it is not there. */
export function folder(): FolderItem {
	return foundFolder() || app.project.items.addFolder(FOLDER);
}

/** The footage of a file that is in our folder already. */
export function footageOf(path: string): FootageItem | null {
	const ours = foundFolder();
	if (ours === null) return null;
	for (let at = 1; at <= ours.numItems; at += 1) {
		const item = ours.item(at);
		if (item instanceof FootageItem && item.file && item.file.fsName === path) return item;
	}
	return null;
}

export function indexOf(list: string[], wanted: string): number {
	for (let at = 0; at < list.length; at += 1) if (list[at] === wanted) return at;
	return -1;
}

function foundFolder(): FolderItem | null {
	let plain: FolderItem | null = null;
	const { project } = app;
	for (let at = 1; at <= project.numItems; at += 1) {
		const item = project.item(at);
		if (!(item instanceof FolderItem)) continue;
		// A person may have given it another name, and may have another one of this name.
		if (MARK.test(item.comment)) return item;
		if (item.name === FOLDER && item.parentFolder === project.rootFolder) plain = item;
	}
	return plain;
}

function marks(): { project: string | null; operations: string[] } {
	const ours = foundFolder();
	const found = ours === null ? null : MARK.exec(ours.comment);
	if (found === null) return { project: null, operations: [] };
	const [, id, listed] = found as unknown as [string, string, string];
	return { project: id, operations: listed === '' ? [] : listed.slice(1).split(' ') };
}
