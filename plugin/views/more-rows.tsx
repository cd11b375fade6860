import { Button, Label, NumberField } from 'react-aria-components';
import type { EngineOption, OptionValue } from '../../protocol/engine-options/option.ts';
import type { CutScene } from '../state/scene.ts';
import type { Words } from '../strings/en.ts';
import { Row, Segments, Stepper } from './controls.tsx';
import { Check, Choices } from './fields.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { StyleRow } from './style-row.tsx';
import { useIsWide } from './use-media-query.ts';

/** As many choices stand side by side; more are a menu. */
const MOST_SEGMENTS = 3;

/** What else the engine can be told: open where there is room, else one line that says what is in it. */
export function MoreRows({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const isOpen = usePanelState((state) => state.view.isMoreOpen);
	const { engine } = scene.asks;
	const allSettings = usePanelState((state) => state.wish.settings);
	const settings = allSettings[engine?.name ?? ''] ?? {};
	const shown = engine?.settings.filter((option) => isShown(option)) ?? [];
	if (!engine || shown.length === 0) return null;
	const set = (name: string, value: OptionValue | null) => {
		const { [name]: _, ...rest } = settings;
		const changed = value === null ? rest : { ...rest, [name]: value };
		actions.wish({ settings: { ...allSettings, [engine.name]: changed } });
	};
	const rows = [
		...shown.map((option) => (
			<OptionRow key={option.name} option={option} value={settings[option.name]} onChange={set} />
		)),
		<StyleRow key="style" scene={scene} />,
	];
	if (isWide) return <>{rows}</>;
	return (
		<>
			<Button
				className="more"
				aria-expanded={isOpen}
				onPress={() => actions.look({ isMoreOpen: !isOpen })}
			>
				<Icon name={isOpen ? 'down' : 'right'} />
				<span>{isOpen ? words.less : words.more}</span>
				{!isOpen && <span className="cut-off">{summaryOf(shown, settings, words)}</span>}
			</Button>
			{isOpen && rows}
		</>
	);
}

function OptionRow({
	option,
	value,
	onChange,
}: {
	option: EngineOption;
	value: OptionValue | undefined;
	onChange: (name: string, value: OptionValue | null) => void;
}) {
	const words = useWords();
	const label = labelOf(option, words);
	const { name } = option;
	switch (option.kind) {
		case 'switch':
			return (
				<Row label={label}>
					<Check
						isOn={typeof value === 'boolean' ? value : option.default}
						label={option.help}
						onChange={(isOn) => onChange(name, isOn)}
					/>
				</Row>
			);
		case 'choice': {
			const choices = option.choices.map((each) => ({
				value: each,
				label: each === 'auto' ? words.automatic : each,
			}));
			const chosen = value === undefined ? option.default : String(value);
			if (choices.length > MOST_SEGMENTS) {
				return (
					<Choices
						label={label}
						value={chosen}
						choices={choices}
						onChange={(next) => onChange(name, next)}
					/>
				);
			}
			return (
				<Row label={label}>
					<Segments
						label={label}
						value={chosen}
						choices={choices}
						onChange={(next) => onChange(name, next)}
					/>
				</Row>
			);
		}
		case 'number':
			return (
				<NumberField
					className="row"
					value={numberIn(value, option.default)}
					minValue={option.least}
					maxValue={option.most}
					step={option.whole ? 1 : 0.25}
					onChange={(next) => onChange(name, Number.isNaN(next) ? null : next)}
				>
					<Label className="label">{label}</Label>
					<span className="pair">
						<Stepper isLong placeholder={words.automatic} />
						{option.unit === 'seconds' && <span className="dim">{words.secondUnit}</span>}
					</span>
				</NumberField>
			);
		default:
			return null;
	}
}

/** Folders are the machine's affair, sizes the engine's, and the stages are the quality. */
function isShown({ kind, name }: EngineOption): boolean {
	return kind !== 'folder' && kind !== 'pixels' && name !== 'stages';
}

function labelOf({ name }: EngineOption, words: Words): string {
	const known: Readonly<Record<string, string>> = words.settings;
	return known[name] ?? name;
}

function numberIn(value: OptionValue | undefined, otherwise: number | 'auto'): number {
	if (typeof value === 'number') return value;
	return otherwise === 'auto' ? Number.NaN : otherwise;
}

function summaryOf(
	options: readonly EngineOption[],
	settings: Readonly<Record<string, OptionValue>>,
	words: Words,
): string {
	return options
		.filter(({ name }) => settings[name] !== undefined)
		.concat(options)
		.filter((option, index, all) => all.indexOf(option) === index)
		.slice(0, 4)
		.map((option) => labelOf(option, words))
		.join(', ');
}
