/** Packs Blender's add-on: one zip that Blender takes as an add-on and, from 4.2 on, as an extension. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';

/** The same files make the same zip: a zip that says when it was made never would. */
const MADE = new Date(2000, 0, 1);

export function packBlender(root) {
	const files = Object.fromEntries(
		['host-bridge/blender/pickup', 'host-bridge/python']
			.map((folder) => join(root, folder))
			.flatMap((folder) => readdirSync(folder).map((name) => [name, join(folder, name)]))
			.filter(([name]) => /\.(?:py|toml)$/.test(name))
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([name, path]) => [`pickup/${name}`, readFileSync(path)]),
	);
	files['pickup/LICENSE'] = readFileSync(join(root, 'LICENSE'));
	mkdirSync(join(root, 'dist'), { recursive: true });
	const zip = join(root, 'dist/pickup-blender.zip');
	// Tests pack it too, several at a time.
	writeFileSync(`${zip}.${process.pid}.part`, zipSync(files, { mtime: MADE }));
	renameSync(`${zip}.${process.pid}.part`, zip);
}
