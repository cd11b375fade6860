import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PickupError } from '../protocol/errors.ts';

/** A file that the build puts into dist/: found beside the bundle, or from the sources. */
export function builtFile(name: string): string {
	const places = [`./${name}`, `../${name}`, `../dist/${name}`];
	for (const place of places) {
		const path = fileURLToPath(new URL(place, import.meta.url));
		if (existsSync(path)) return path;
	}
	throw new PickupError('engine-unavailable', `Expected ${name} in dist/, found none`, {
		action: 'Build Pickup first: `npm run build`.',
	});
}
