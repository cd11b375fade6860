import { createHash, randomUUID } from 'node:crypto';
import type { RawProject } from './script/raw.ts';

/**
 * Which project this is, whatever it is called. Once something of ours is in it, it carries its id,
 * and whatever it is saved as is the same one going on. Until then the id follows from where its file
 * is, so that looking at a project leaves no trace in it; one that was never saved is known as long
 * as it is open, and keeps its id when it is saved for the first time.
 */
export class Identity {
	#last: { readonly id: string; readonly project: RawProject } | null = null;

	of(project: RawProject): string {
		const id = project.carries ?? this.#kept(project) ?? derived(project.path);
		this.#last = { id, project };
		return id;
	}

	#kept(project: RawProject): string | null {
		if (!this.#last) return null;
		const { id, project: before } = this.#last;
		if (before.path === project.path && project.path !== null) return id;
		if (before.path !== null) return null;
		// Compositions have numbers of their own; somebody else's project has others.
		const isSame =
			before.comps.length > 0 && before.comps.some((comp) => project.comps.includes(comp));
		return isSame ? id : null;
	}
}

/** Shaped as a UUID. */
function derived(path: string | null): string {
	if (path === null) return randomUUID();
	const hex = createHash('sha256').update(path).digest('hex');
	return [
		hex.slice(0, 8),
		hex.slice(8, 12),
		hex.slice(12, 16),
		hex.slice(16, 20),
		hex.slice(20, 32),
	].join('-');
}
