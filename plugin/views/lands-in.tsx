import type { EditorHost } from '../../protocol/hosts.ts';
import type { Words } from '../strings/en.ts';
import { CutOff, IconButton } from './controls.tsx';
import { usePanel, useWords } from './panel-context.tsx';

/** Which file what lands is in, where that is not the project's own. */
export function landsInWords(words: Words, { state: { project } }: EditorHost): string | null {
	if (!project || project.landsIn === undefined) return null;
	return project.landsIn === null
		? words.landsInNew(project.name)
		: words.landsIn(nameOf(project.landsIn));
}

/** The same, with the way to it once it is there. */
export function LandsIn({ host }: { host: EditorHost }) {
	const { actions } = usePanel();
	const words = useWords();
	const says = landsInWords(words, host);
	if (says === null) return null;
	const path = host.state.project?.landsIn ?? null;
	return (
		<span className="lands-in">
			{path === null ? <span>{says}</span> : <CutOff text={says} whole={path} />}
			{path !== null && (
				<IconButton
					icon="folder"
					label={words.showInFolder}
					onPress={() => actions.revealLanded(host.agent.id)}
				/>
			)}
		</span>
	);
}

export function nameOf(path: string): string {
	return path.split(/[\\/]/).at(-1) ?? path;
}
