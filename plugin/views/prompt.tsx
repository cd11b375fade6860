import { useState } from 'react';
import {
	Button,
	Dialog,
	DialogTrigger,
	Input,
	Label,
	ListBox,
	ListBoxItem,
	NumberField,
	Popover,
	TextArea,
	TextField,
} from 'react-aria-components';
import { type CutScene, isGuided } from '../state/scene.ts';
import { IconButton } from './controls.tsx';
import { Icon } from './icons.tsx';
import { Picture } from './media.tsx';
import { useMemory, usePanel, usePanelState, useWords } from './panel-context.tsx';

/** The words of the shot, with earlier ones and, for an insert, stills at their frames. */
export function Prompt({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const wish = usePanelState((state) => state.wish);
	const earlier = useEarlierPrompts();
	const { engine, verb } = scene.asks;
	return (
		<>
			<div className="prompt">
				<TextField
					aria-label={words.describe}
					value={wish.prompt}
					onChange={(prompt) => actions.wish({ prompt })}
				>
					<TextArea
						className="prompt-text"
						placeholder={words.describe}
						data-keys="prompt"
						onKeyDown={(event) => {
							if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
							event.preventDefault();
							earlier.step(event.key === 'ArrowUp' ? 1 : -1);
						}}
					/>
				</TextField>
				<div className="prompt-tools">
					<EarlierPrompts />
					{verb === 'insert' && <AddStill scene={scene} />}
					{verb === 'insert' && <Stills />}
				</div>
			</div>
			{engine && isGuided(engine) && (
				<TextField
					className="row"
					value={wish.negativePrompt}
					onChange={(negativePrompt) => actions.wish({ negativePrompt })}
				>
					<Label className="label">{words.avoid}</Label>
					<Input className="text" />
				</TextField>
			)}
		</>
	);
}

/** Alt+Up and Alt+Down go through what was asked for before. */
function useEarlierPrompts() {
	const { actions } = usePanel();
	const { prompts } = useMemory();
	const prompt = usePanelState((state) => state.wish.prompt);
	return {
		step(by: 1 | -1) {
			const at = prompts.indexOf(prompt.trim()) + by;
			const next = at < 0 ? '' : prompts[at];
			if (next !== undefined) actions.wish({ prompt: next });
		},
	};
}

function EarlierPrompts() {
	const { actions } = usePanel();
	const words = useWords();
	const { prompts } = useMemory();
	const [isOpen, setOpen] = useState(false);
	return (
		<DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
			<IconButton icon="clock" label={words.earlierPrompts} onPress={() => setOpen(true)} />
			<Popover className="popover wide" placement="bottom start">
				<Dialog aria-label={words.earlierPrompts}>
					<ListBox
						className="menu"
						aria-label={words.earlierPrompts}
						selectionMode="single"
						autoFocus
						renderEmptyState={() => <p className="menu-empty">{words.noEarlierPrompts}</p>}
						onSelectionChange={(keys) => {
							const [key] = keys === 'all' ? [] : keys;
							if (key !== undefined) actions.wish({ prompt: prompts[Number(key)] ?? '' });
							setOpen(false);
						}}
					>
						{prompts.map((prompt, index) => (
							<ListBoxItem className="menu-item lines" key={prompt} id={index} textValue={prompt}>
								{prompt}
							</ListBoxItem>
						))}
					</ListBox>
				</Dialog>
			</Popover>
		</DialogTrigger>
	);
}

function Stills() {
	const { actions } = usePanel();
	const words = useWords();
	const stills = usePanelState((state) => state.wish.stills);
	return (
		<span className="chips push">
			{stills.map((still) => (
				<span className="chip" key={`${still.path} ${still.frame}`} title={still.path}>
					<Picture className="chip-picture" media={{ kind: 'still', path: still.path }} alt="" />
					{words.stillAt(still.frame)}
					<Button
						className="chip-remove"
						aria-label={words.removeStill(still.frame)}
						onPress={() => actions.wish({ stills: stills.filter((each) => each !== still) })}
					>
						<Icon name="x" small />
					</Button>
				</span>
			))}
		</span>
	);
}

/** A browser does not tell where a chosen file lies: the path is typed or pasted. */
function AddStill({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const stills = usePanelState((state) => state.wish.stills);
	const [isOpen, setOpen] = useState(false);
	const [path, setPath] = useState('');
	const [frame, setFrame] = useState(0);
	const range = scene.asks.shot?.range;
	const last = range ? range.end - range.start - 1 : 0;
	const add = () => {
		if (path.trim() === '') return;
		const others = stills.filter((each) => each.frame !== frame);
		const added = [...others, { path: path.trim(), frame }];
		actions.wish({ stills: added.sort((a, b) => a.frame - b.frame) });
		setPath('');
		setOpen(false);
	};
	return (
		<DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
			<IconButton icon="still" label={words.addStill} onPress={() => setOpen(true)} />
			<Popover className="popover wide" placement="bottom start">
				<Dialog className="small-form" aria-label={words.addStill}>
					<TextField className="row" value={path} onChange={setPath} autoFocus>
						<Label className="label">{words.stillPath}</Label>
						<Input className="text" onKeyDown={(event) => event.key === 'Enter' && add()} />
					</TextField>
					<NumberField
						className="row"
						value={frame}
						minValue={0}
						maxValue={Math.max(0, last)}
						onChange={(value) => setFrame(Number.isNaN(value) ? 0 : value)}
					>
						<Label className="label">{words.stillFrame}</Label>
						<Input className="text" />
					</NumberField>
					<Button className="button" onPress={add}>
						{words.addStillNow}
					</Button>
				</Dialog>
			</Popover>
		</DialogTrigger>
	);
}
