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
	const { keys, ctrl, enter, space, del } = words;
	return [
		[`${ctrl}+${enter}`, keys.press],
		[words.escape, keys.escape],
		['↑ ↓', keys.gaps],
		['I O', keys.marks],
		[`Alt+1 … 6`, keys.verbs],
		['Alt+↑ ↓', keys.prompts],
		[space, keys.play],
		['J K L', keys.shuttle],
		['← →', keys.step],
		['Home End', keys.ends],
		['1 … 8', keys.take],
		['X', keys.swap],
		[`S V ${del}`, keys.mark],
		[`${ctrl}+1 2 3`, keys.tabs],
		[`${ctrl}+F`, keys.search],
		['F6', keys.region],
		['?', keys.help],
	];
}
