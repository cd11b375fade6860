import { Label, NumberField } from 'react-aria-components';
import { LORA_STRENGTHS } from '../../protocol/generation.ts';
import type { CutScene } from '../state/scene.ts';
import { Stepper } from './controls.tsx';
import { Choices } from './fields.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

const NONE = '';

/** A LoRA that lies in the model's folder, and how much of it. */
export function StyleRow({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const styles = usePanelState((state) => state.wish.styles);
	const { engine } = scene.asks;
	const found = engine?.takes.loras ? (engine.model?.loras ?? []) : [];
	if (found.length === 0) return null;
	const chosen = styles[0] ?? null;
	return (
		<>
			<Choices
				label={words.style}
				value={chosen?.path ?? NONE}
				choices={[
					{ value: NONE, label: words.styleInFolder(found.length) },
					...found.map((path) => ({ value: path, label: nameOf(path) })),
				]}
				onChange={(path) =>
					actions.wish({ styles: path === NONE ? [] : [{ path, strength: chosen?.strength ?? 1 }] })
				}
			/>
			{chosen && (
				<NumberField
					className="row"
					value={chosen.strength}
					minValue={LORA_STRENGTHS.least}
					maxValue={LORA_STRENGTHS.most}
					step={0.1}
					onChange={(strength) =>
						!Number.isNaN(strength) && actions.wish({ styles: [{ ...chosen, strength }] })
					}
				>
					<Label className="label">{words.strength}</Label>
					<Stepper isLong />
				</NumberField>
			)}
		</>
	);
}

function nameOf(path: string): string {
	const name = path.split(/[\\/]/).at(-1) ?? path;
	return name.replace(/\.safetensors$/i, '');
}
