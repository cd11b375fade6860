/**
 * `npm run gpu-libraries`: looks up the wheels that gpu/libraries.json names in the index, and writes
 * their lengths and hashes, those of their licences, and the lengths of the libraries that are taken
 * out of them. For another version change `version`, `wheel` and the names of files there first.
 * Wheels are not fetched: only the directory of each zip and its licence.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importSource, root } from './tools.mjs';

const { findWheel, indexAddress, openRemoteZip, readRemoteMember } =
	await importSource('gpu/package-index.ts');
const path = join(root, 'gpu/libraries.json');
const list = JSON.parse(readFileSync(path, 'utf8'));
for (const { packages } of Object.values(list)) {
	for (const each of packages) {
		console.log(each.wheel);
		Object.assign(each, await indexed(each));
		const found = await findWheel(indexAddress(), each);
		const sizes = new Map();
		for await (const entry of (await openRemoteZip(found)).eachEntry()) {
			sizes.set(entry.fileName, entry.uncompressedSize);
		}
		for (const file of each.files) {
			file.bytes = sizes.get(file.path);
			if (file.bytes === undefined) throw new Error(`${each.wheel} has no ${file.path}`);
		}
		if (each.licence === null) continue;
		const text = await readRemoteMember(found, each.licence.path);
		each.licence.sha256 = createHash('sha256').update(text).digest('hex');
	}
}
writeFileSync(path, `${JSON.stringify(list, null, '\t')}\n`);

/** What the index says of a wheel. */
async function indexed({ name, wheel }) {
	const headers = { accept: 'application/vnd.pypi.simple.v1+json' };
	const page = await (await fetch(new URL(`${name}/`, indexAddress()), { headers })).json();
	const found = page.files.find(({ filename }) => filename === wheel);
	if (!found) throw new Error(`The index has no ${wheel}`);
	return { bytes: found.size, sha256: found.hashes.sha256 };
}
