import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathFrom, stateFolder } from '../files/folders.ts';
import { statePaths } from '../files/state-folder.ts';
import { filesOf, type GpuList } from './list.ts';

/** Everything that was fetched for a graphics card: `PICKUP_GPU`, else a folder in the state folder. */
export function gpuFolder(env: NodeJS.ProcessEnv = process.env): string {
	return env.PICKUP_GPU ? pathFrom(env.PICKUP_GPU) : statePaths(stateFolder(env.PICKUP_STATE)).gpu;
}

/** Where the libraries of the list stand, once they are all there. */
export function libraryFolder(list: GpuList): string {
	return join(gpuFolder(), list.folder);
}

/** The names of files that are not there, or of another length than they should be. */
export function missingFiles(list: GpuList, folder = libraryFolder(list)): readonly string[] {
	return filesOf(list)
		.filter(({ name, bytes }) => {
			const found = statSync(join(folder, name), { throwIfNoEntry: false });
			return found?.isFile() !== true || found.size !== bytes;
		})
		.map(({ name }) => name);
}
