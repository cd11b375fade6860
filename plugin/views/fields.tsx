import {
	Button,
	Checkbox,
	Label,
	ListBox,
	ListBoxItem,
	Popover,
	Select,
	SelectValue,
} from 'react-aria-components';
import { Icon } from './icons.tsx';

/** One of many, as a row with a menu. */
export function Choices({
	label,
	value,
	choices,
	onChange,
}: {
	label: string;
	value: string;
	choices: readonly { readonly value: string; readonly label: string }[];
	onChange: (value: string) => void;
}) {
	return (
		<Select
			className="row"
			selectedKey={value}
			onSelectionChange={(key) => key !== null && onChange(String(key))}
		>
			<Label className="label">{label}</Label>
			<Button className="select">
				<SelectValue className="cut-off" />
				<Icon name="down" />
			</Button>
			<Popover className="popover">
				<ListBox className="menu">
					{choices.map((choice) => (
						<ListBoxItem className="menu-item" key={choice.value} id={choice.value}>
							{choice.label}
						</ListBoxItem>
					))}
				</ListBox>
			</Popover>
		</Select>
	);
}

export function Check({
	isOn,
	label,
	onChange,
}: {
	isOn: boolean;
	label: string;
	onChange: (isOn: boolean) => void;
}) {
	return (
		<Checkbox className="check" isSelected={isOn} onChange={onChange}>
			<span className="box">{isOn && <Icon name="check" small />}</span>
			<span>{label}</span>
		</Checkbox>
	);
}

export function titleOf({
	title,
	model,
}: {
	readonly title: string;
	readonly model: { readonly title: string } | null;
}): string {
	return model?.title ?? title;
}
