import { statePaths } from './state-folder.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Says in a state folder how a daemon is started: an editor reads that where none runs. `node` and
 * `daemon` are absolute paths.
 */
export function writeProgramFile(
	state: string,
	program: { readonly node: string; readonly daemon: string },
): Promise<void> {
	return writeWhole(statePaths(state).programFile, `${JSON.stringify(program)}\n`, { mode: 0o600 });
}
