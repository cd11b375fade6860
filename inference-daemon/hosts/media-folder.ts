import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { HostState } from '../../protocol/hosts.ts';

/**
 * Where the clips of a project are kept: where its agent says, else `Pickup` beside the saved project; for one that was never
 * saved a folder of its own under `unsaved`.
 */
export function mediaFolder(project: NonNullable<HostState['project']>, unsaved: string): string {
	if (project.mediaFolder !== undefined) return project.mediaFolder;
	if (project.path !== null) return join(dirname(project.path), 'Pickup');
	return join(unsaved, createHash('sha256').update(project.id).digest('hex').slice(0, 16));
}
