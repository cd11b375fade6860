/** Packs DaVinci Resolve's script: one file that Resolve runs, with the modules it is made of in it. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = 'pickup_for_resolve';

export function packResolve(root) {
	const modules = ['host-bridge/python', 'host-bridge/resolve/pickup']
		.map((folder) => join(root, folder))
		.flatMap((folder) => readdirSync(folder).map((name) => [name, join(folder, name)]))
		.filter(([name]) => name.endsWith('.py'))
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([name, path]) => [moduleName(name), readFileSync(path, 'utf8')]);
	mkdirSync(join(root, 'dist'), { recursive: true });
	const file = join(root, 'dist/Pickup.py');
	// Tests pack it too, several at a time.
	writeFileSync(`${file}.${process.pid}.part`, scriptOf(modules));
	renameSync(`${file}.${process.pid}.part`, file);
}

function moduleName(file) {
	return file === '__init__.py' ? PACKAGE : `${PACKAGE}.${file.slice(0, -'.py'.length)}`;
}

function scriptOf(modules) {
	const texts = modules.map(([name, source]) => {
		// Resolve may read it in any encoding, and the modules stand in raw strings.
		if (/[^\n\x20-\x7e]/.test(source) || source.includes("'''") || source.endsWith('\\')) {
			throw new Error(`${name}: expected ASCII without ''' in it`);
		}
		return `MODULES["${name}"] = r'''${source}'''\n`;
	});
	return [HEAD, ...texts, FOOT].join('\n');
}

const HEAD = `#!/usr/bin/env python
"""
Pickup for DaVinci Resolve, up to 21.0 or Studio: run it from Workspace > Scripts > Pickup (in some
versions under Utility).

Licence: Apache-2.0. This file is made of the modules below, which are imported from it.
"""

import importlib.abc
import importlib.util
import sys

MODULES = {}
`;

const FOOT = `
class Modules(importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            return importlib.util.spec_from_loader(name, self)
        return None

    def is_package(self, name):
        return name == "${PACKAGE}"

    def get_source(self, name):
        return MODULES[name]


# Whatever an earlier run in the same Python has left is of that run.
for name in [each for each in sys.modules if each.split(".")[0] == "${PACKAGE}"]:
    del sys.modules[name]
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "Modules"]
sys.meta_path.insert(0, Modules())

import ${PACKAGE}

${PACKAGE}.main(globals())
`;
