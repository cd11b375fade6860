import { Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components';
import type { Words } from '../strings/en.ts';
import { IconButton } from './controls.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

/** The keys and what they do, by `?` and by a button. */
export function KeyHelp() {
	const { actions } = usePanel();
	const words = useWords();
	const isOpen = usePanelState((state) => state.view.isHelpOpen);
	const open = (isHelpOpen: boolean) => actions.look({ isHelpOpen });
	return (
		<DialogTrigger isOpen={isOpen} onOpenChange={open}>
			<IconButton icon="keys" label={words.keysAll} onPress={() => open(true)} />
			<Popover className="popover keys" placement="bottom end">
				<Dialog className="key-help">
					<Heading slot="title">{words.keysHead}</Heading>
					<dl className="key-list">
						{rowsIn(words).map(([keys, says]) => (
							<div key={keys}>
								<dt>{keys}</dt>
								<dd>{says}</dd>
							</div>
						))}
					</dl>
				</Dialog>
			</Popover>
		</DialogTrigger>
	);
}

function rowsIn(words: Words): readonly (readonly [keys: string, says: string])[] {
	const { ctrl, enter } = words;
	return [
		[`${ctrl}+${enter}`, words.keys.press],
		[words.escape, words.keys.escape],
		['↑ ↓', words.keys.gaps],
		['I O', words.keys.marks],
		[`Alt+1 … 6`, words.keys.verbs],
		['Alt+↑ ↓', words.keys.prompts],
		[words.space, words.keys.play],
		['J K L', words.keys.shuttle],
		['← →', words.keys.step],
		['Home End', words.keys.ends],
		['1 … 8', words.keys.take],
		['X', words.keys.swap],
		[`S V ${words.del}`, words.keys.mark],
		[`${ctrl}+1 2 3`, words.keys.tabs],
		[`${ctrl}+F`, words.keys.search],
		['F6', words.keys.region],
		['?', words.keys.help],
	];
}
