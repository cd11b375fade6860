import type { EditorHost } from '../../protocol/hosts.ts';
import type { Words } from '../strings/en.ts';
import { IconButton } from './controls.tsx';
import { usePanel, useWords } from './panel-context.tsx';

/** Which file what lands is in, where that is not the project's own. */
export function landsInWords(words: Words, { state: { project } }: EditorHost): string | null {
	if (!project || project.landsIn === undefined) return null;
	return project.landsIn === null
		? words.landsInNew(project.name)
		: words.landsIn(asFound(project.landsIn, project.path), project.name);
}

/** As a person finds it: from the folder of the original on, else with the folder that it is in. */
function asFound(path: string, original: string | null): string {
	const parts = path.split(/[\\/]/);
	const folder = original?.split(/[\\/]/).slice(0, -1) ?? [];
	const isBeside = folder.length > 0 && folder.every((name, index) => parts[index] === name);
	return parts.slice(isBeside ? folder.length - 1 : -2).join('/');
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
			<span className="lines" title={path ?? undefined}>
				{says}
			</span>
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
