import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { LibraryHandle } from 'koffi';

/**
 * What calls native libraries, when it is first wanted: a command or a draft does without, also where
 * its own native part is not there. Throws an Error that says so.
 */
export function koffi(): typeof import('koffi') {
	return require('koffi');
}

const require = createRequire(import.meta.url);

/**
 * Loads a native library, for as long as this process lives; the only place that does. With `isShared`
 * libraries that are loaded later find its functions. Throws an Error with the system's words, which
 * begins with the library's name: Windows leaves it out.
 */
export function loadLibrary(path: string, { isShared = false } = {}): LibraryHandle {
	// koffi runs C on stacks of its own, of 128 KiB in other threads, which WebGPU needs more than; they
	// can be changed before the first library only, even one that is not there.
	if (!isSet) koffi().config({ sync_stack_size: STACK, async_stack_size: STACK });
	isSet = true;
	try {
		const library = koffi().load(path, { global: isShared });
		// koffi would unload one that nobody holds.
		held.push(library);
		return library;
	} catch (error) {
		const said = error instanceof Error ? error.message : String(error);
		const why = said.replace('Failed to load shared library: ', '').replace(`${path}: `, '');
		throw new Error(`${basename(path)}: ${why}`);
	}
}

/** Bytes. */
const STACK = 16 * 1024 ** 2;

const held: LibraryHandle[] = [];
let isSet = false;
