import type { ReactNode } from 'react';
import { Button, Label, NumberField } from 'react-aria-components';
import { type CutScene, hasDraft } from '../state/scene.ts';
import { extensions } from '../state/verbs.ts';
import { enginesFor, keyOf, MOST_SEED, MOST_TAKES, qualitiesFor } from '../state/wish.ts';
import { IconButton, IconToggle, Row, Segments, Stepper } from './controls.tsx';
import { Check, Choices, titleOf } from './fields.tsx';
import { Icon } from './icons.tsx';
import { MoreRows } from './more-rows.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { Prompt } from './prompt.tsx';
import { Verbs } from './verbs.tsx';

/** What is asked for: verb, words, and only what the chosen engine can be told. */
export function Request({ scene, after }: { scene: CutScene; after?: ReactNode }) {
	const { actions } = usePanel();
	const words = useWords();
	return (
		<section className="request section grow" aria-label={words.theShot}>
			{scene.behind && (
				<Button className="button quiet back" onPress={() => actions.backToTakes()}>
					<Icon name="left" />
					{words.backToTakes(scene.behind.takes.length)}
				</Button>
			)}
			<Verbs asks={scene.asks} />
			<Prompt scene={scene} />
			<div className="rows">
				<VerbRows scene={scene} />
				<QualityRow scene={scene} />
				<EngineRow scene={scene} />
				<TakesRow scene={scene} />
				<DraftRow scene={scene} />
				<MoreRows scene={scene} />
			</div>
			{after}
		</section>
	);
}

/** What only some verbs have: which end goes on, how long, what of the clip is replaced. */
function VerbRows({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const wish = usePanelState((state) => state.wish);
	const { verb, shot } = scene.asks;
	const ends = extensions(scene);
	return (
		<>
			{verb === 'extend' && ends.length > 1 && (
				<Row label={words.side}>
					<Segments
						label={words.side}
						value={shot?.side ?? null}
						choices={ends.map(({ side, of }) => ({
							value: side,
							label: side === 'tail' ? words.sideTail(of.name) : words.sideHead(of.name),
						}))}
						onChange={(side) => actions.wish({ side })}
					/>
				</Row>
			)}
			{(verb === 'extend' || verb === 'insert') && shot && (
				<LengthRow scene={scene} frames={shot.range.end - shot.range.start} />
			)}
			{verb === 'retake' && (
				<Row label={words.replace}>
					<Segments
						label={words.replace}
						value={wish.replace}
						choices={(['picture', 'sound', 'both'] as const).map((value) => ({
							value,
							label: words.replaces[value],
						}))}
						onChange={(replace) => actions.wish({ replace })}
					/>
				</Row>
			)}
		</>
	);
}

function LengthRow({ scene, frames }: { scene: CutScene; frames: number }) {
	const { actions } = usePanel();
	const words = useWords();
	return (
		<NumberField
			className="row"
			value={frames}
			minValue={1}
			formatOptions={{ useGrouping: false }}
			onChange={(value) => {
				if (Number.isNaN(value)) return;
				actions.wish({ length: { at: keyOf(scene.place), frames: Math.round(value) } });
			}}
		>
			<Label className="label">{words.length}</Label>
			<span className="pair">
				<Stepper isLong />
				<span className="dim">{words.frameUnit(frames)}</span>
			</span>
		</NumberField>
	);
}

function QualityRow({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const wish = usePanelState((state) => state.wish);
	const engines = usePanelState((state) => state.engines);
	const offered = qualitiesFor(scene.asks.verb, wish, engines);
	if (offered.length < 2) return null;
	return (
		<Row label={words.quality}>
			<Segments
				label={words.quality}
				value={scene.asks.quality}
				choices={offered.map((value) => ({ value, label: words.qualities[value] }))}
				onChange={(quality) => actions.wish({ quality })}
			/>
		</Row>
	);
}

function EngineRow({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const engines = usePanelState((state) => state.engines);
	const { verb, engine } = scene.asks;
	if (!engine) return null;
	const { drafts, finishers } = enginesFor(verb, engines);
	const choices = engine.draft ? drafts : finishers;
	if (choices.length < 2) {
		return (
			<Row label={words.engine}>
				<span className="value">{titleOf(engine)}</span>
			</Row>
		);
	}
	return (
		<Choices
			label={words.engine}
			value={engine.name}
			choices={choices.map((each) => ({ value: each.name, label: titleOf(each) }))}
			onChange={(name) => actions.wish({ engine: name })}
		/>
	);
}

function TakesRow({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const wish = usePanelState((state) => state.wish);
	const { engine } = scene.asks;
	if (!engine) return null;
	if (engine.draft) {
		return (
			<Row label={words.takes}>
				<span className="value">{words.oneDraft}</span>
			</Row>
		);
	}
	return (
		<div className="row takes-row">
			<NumberField
				className="takes-field"
				value={wish.takes}
				minValue={1}
				maxValue={MOST_TAKES}
				onChange={(takes) => !Number.isNaN(takes) && actions.wish({ takes: Math.round(takes) })}
			>
				<Label className="label">{words.takes}</Label>
				<Stepper />
			</NumberField>
			<Seed />
		</div>
	);
}

function Seed() {
	const { actions } = usePanel();
	const words = useWords();
	const { seed, isSeedLocked } = usePanelState((state) => state.wish);
	return (
		<span className="seed">
			<span className="label" id="seed-label">
				{words.seed}
			</span>
			<span className="number">
				<input
					aria-labelledby="seed-label"
					inputMode="numeric"
					value={seed}
					onChange={({ target }) => {
						const digits = target.value.replace(/\D/g, '').slice(0, 10);
						actions.wish({ seed: Math.min(MOST_SEED, Number(digits)) });
					}}
				/>
				<IconButton icon="reroll" label={words.newSeed} onPress={() => actions.newSeed()} />
				<IconToggle
					icon={isSeedLocked ? 'lock' : 'unlock'}
					label={words.lockSeed}
					isOn={isSeedLocked}
					onChange={(isOn) => actions.wish({ isSeedLocked: isOn })}
				/>
			</span>
		</span>
	);
}

function DraftRow({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const isOn = usePanelState((state) => state.wish.draft);
	const engines = usePanelState((state) => state.engines);
	const { engine, verb } = scene.asks;
	if (!engine || engine.draft || !hasDraft(verb, engines)) return null;
	return (
		<Row label={words.draft}>
			<Check
				isOn={isOn}
				label={words.draftMeanwhile}
				onChange={(draft) => actions.wish({ draft })}
			/>
		</Row>
	);
}
