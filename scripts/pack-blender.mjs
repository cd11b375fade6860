/** Packs Blender's add-on: one zip that Blender takes as an add-on and, from 4.2 on, as an extension. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';

/** The same files make the same zip: a zip that says when it was made never would. */
const MADE = new Date(2000, 0, 1);

export function packBlender(root) {
	const folder = join(root, 'host-bridge/blender/pickup');
	const names = readdirSync(folder).filter((name) => /\.(?:py|toml)$/.test(name));
	const files = Object.fromEntries(
		names.sort().map((name) => [`pickup/${name}`, readFileSync(join(folder, name))]),
	);
	files['pickup/LICENSE'] = readFileSync(join(root, 'LICENSE'));
	mkdirSync(join(root, 'dist'), { recursive: true });
	const zip = join(root, 'dist/pickup-blender.zip');
	// Tests pack it too, several at a time.
	writeFileSync(`${zip}.${process.pid}.part`, zipSync(files, { mtime: MADE }));
	renameSync(`${zip}.${process.pid}.part`, zip);
}
