import { told } from '../../extendscript/told.ts';

/** Pickup's bin in the project, and what is in it. */

const BIN = 'Pickup';

/** Picture, sound and everything else of an item. */
export const ALL_MEDIA = 4;

/** Where an operation's id is kept: the log note of a clip in the project panel. */
const LOG_NOTE = 'Column.Intrinsic.LogNote';
const PRIVATE = 'http://ns.adobe.com/premierePrivateProjectMetaData/1.0/';

/** The item of a file, with how many ticks its media last; points that trim it are taken off. */
export function lookFor({ path }: { path: string }): { ticks: string } | null {
	const item = itemOf(path);
	if (item === null) return null;
	clearPoints(item);
	const start = Number(item.getInPoint().ticks);
	return { ticks: String(Number(item.getOutPoint().ticks) - start) };
}

/** Asks for a file to be imported into the bin. What Premiere says of it is no proof. */
export function startImport({ path }: { path: string }): { asked: boolean } {
	return { asked: app.project.importFiles([path], true, bin(), false) };
}

/** In the bin, or where Premiere has put it instead. */
export function itemOf(path: string): ProjectItem | null {
	const ours = foundBin();
	const inBin = ours === null ? null : childAt(ours, path);
	return inBin === null ? childAt(app.project.rootItem, path) : inBin;
}

export function isInBin(item: ProjectItem): boolean {
	const ours = foundBin();
	if (ours === null) return false;
	for (let at = 0; at < ours.children.numItems; at += 1) {
		if ((ours.children[at] as ProjectItem).nodeId === item.nodeId) return true;
	}
	return false;
}

/** Takes in and out point off an item; in versions that cannot the in point is put to its start. */
export function clearPoints(item: ProjectItem): void {
	if (typeof item.clearInPoint === 'function') item.clearInPoint();
	else item.setInPoint(new Time(), ALL_MEDIA);
	if (typeof item.clearOutPoint === 'function') item.clearOutPoint();
}

/** Made where it is not there. */
export function bin(): ProjectItem {
	return foundBin() || app.project.rootItem.createBin(BIN);
}

/** Whether one of the clips in the bin says that it was part of an operation. */
export function carries({ operation }: { operation: string }): boolean {
	const ours = foundBin();
	if (ours === null) return false;
	for (let at = 0; at < ours.children.numItems; at += 1) {
		if (metadataOf(ours.children[at] as ProjectItem).indexOf(operation) >= 0) return true;
	}
	return false;
}

/** Notes an operation with the clips that it was about. Where that is refused, memory alone knows. */
export function note({ operation, paths }: { operation: string; paths: string[] }): {
	noted: number;
} {
	let noted = 0;
	for (let at = 0; at < paths.length; at += 1) {
		const item = itemOf(paths[at] as string);
		if (item === null || !isInBin(item)) continue;
		try {
			const before = noteOf(metadataOf(item));
			const text = before === '' ? operation : `${before} ${operation}`;
			item.setProjectMetadata(packetOf(text), [LOG_NOTE]);
			noted += 1;
		} catch (_error) {
			// As above.
		}
	}
	return { noted };
}

function foundBin(): ProjectItem | null {
	const { children } = app.project.rootItem;
	for (let at = 0; at < children.numItems; at += 1) {
		const item = children[at] as ProjectItem;
		if (told(() => item.type === ProjectItemType.BIN && item.name === BIN)) return item;
	}
	return null;
}

function childAt({ children }: ProjectItem, path: string): ProjectItem | null {
	for (let at = 0; at < children.numItems; at += 1) {
		const item = children[at] as ProjectItem;
		if (told(() => item.type !== ProjectItemType.BIN && isSame(item.getMediaPath(), path)))
			return item;
	}
	return null;
}

/** Windows writes one path in several ways. */
function isSame(path: string, wanted: string): boolean {
	if (path === wanted) return true;
	if (!path || !/^([a-zA-Z]:|\\\\)/.test(wanted)) return false;
	return plain(path) === plain(wanted);
}

function plain(path: string): string {
	return path.split('\\').join('/').toLowerCase();
}

function metadataOf(item: ProjectItem): string {
	return String(item.getProjectMetadata() || '');
}

/** Written as an element or as an attribute. */
function noteOf(packet: string): string {
	const found = /LogNote>([^<]*)</.exec(packet) || /LogNote="([^"]*)"/.exec(packet);
	return found === null ? '' : unescaped(found[1] as string);
}

function packetOf(text: string): string {
	const escaped = text.split('&').join('&amp;').split('<').join('&lt;').split('"').join('&quot;');
	return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:premierePrivateProjectMetaData="${PRIVATE}"><premierePrivateProjectMetaData:${LOG_NOTE}>${escaped}</premierePrivateProjectMetaData:${LOG_NOTE}></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
}

function unescaped(text: string): string {
	const signs = [
		['&lt;', '<'],
		['&gt;', '>'],
		['&quot;', '"'],
		['&apos;', "'"],
		['&amp;', '&'],
	];
	let plainText = text;
	for (let at = 0; at < signs.length; at += 1) {
		const [written, sign] = signs[at] as [string, string];
		plainText = plainText.split(written).join(sign);
	}
	return plainText;
}
