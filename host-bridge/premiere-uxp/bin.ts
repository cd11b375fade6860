import type { ClipProjectItem, FolderItem, Project, ProjectItem } from '@adobe/premierepro';
import { PickupError } from '../../protocol/errors.ts';
import { BIN, importOnce as importOnceBy } from '../premiere/import-once.ts';
import { samePath } from '../premiere/same-path.ts';
import type { Premiere } from './surroundings.ts';

/** Pickup's bin in the project, and what is in it. */

export type Imported = {
	readonly item: ProjectItem;
	readonly clip: ClipProjectItem;
	readonly bin: FolderItem;
	/** Where it is: not the bin where Premiere has put it elsewhere, whatever it was told. */
	readonly folder: FolderItem;
};

/** The item of a file, imported where it is not there. Throws `media-unreadable`. */
export async function importOnce(
	ppro: Premiere,
	project: Project,
	path: string,
): Promise<Imported> {
	const bin = await findOrMakeBin(ppro, project);
	return importOnceBy(
		path,
		() => findItem(ppro, project, bin, path),
		() => project.importFiles([path], true, ppro.ProjectItem.cast(bin), false),
	);
}

async function findOrMakeBin(ppro: Premiere, project: Project): Promise<FolderItem> {
	const root = await project.getRootItem();
	const before = await binIn(ppro, root);
	if (before) return before;
	project.lockedAccess(() => {
		project.executeTransaction((transaction) => {
			transaction.addAction(root.createBinAction(BIN, true));
		}, 'Pickup: a bin');
	});
	const made = await binIn(ppro, root);
	if (made) return made;
	throw new PickupError('host-refused', 'Premiere made no bin for Pickup’s clips');
}

async function binIn(ppro: Premiere, root: FolderItem): Promise<FolderItem | null> {
	const items = await root.getItems();
	const found = items.find(({ name, type }) => name === BIN && type === ppro.ProjectItem.TYPE_BIN);
	return found ? ppro.FolderItem.cast(found) : null;
}

async function findItem(
	ppro: Premiere,
	project: Project,
	bin: FolderItem,
	path: string,
): Promise<Imported | null> {
	for (const folder of [bin, await project.getRootItem()]) {
		for (const item of await folder.getItems()) {
			const clip = await clipAt(ppro, item, path);
			if (clip) return { item, clip, bin, folder };
		}
	}
	return null;
}

async function clipAt(
	ppro: Premiere,
	item: ProjectItem,
	path: string,
): Promise<ClipProjectItem | null> {
	if (item.type === ppro.ProjectItem.TYPE_BIN) return null;
	try {
		const clip = ppro.ClipProjectItem.cast(item);
		return samePath(await clip.getMediaFilePath(), path) ? clip : null;
	} catch {
		return null;
	}
}
