import { type ReactNode, useCallback } from 'react';
import {
	Button,
	Group,
	Input,
	Radio,
	RadioGroup,
	ToggleButton,
	Tooltip,
	TooltipTrigger,
} from 'react-aria-components';
import { Icon, type IconName } from './icons.tsx';

type IconProps = { icon: IconName; label: string; large?: boolean };

/** A button that is an icon; its name is read out and shown in a tooltip. */
export function IconButton({
	icon,
	label,
	large = false,
	onPress,
	isDisabled = false,
}: IconProps & { onPress: () => void; isDisabled?: boolean }) {
	return (
		<TooltipTrigger delay={600}>
			<Button
				className={large ? 'icon-button large' : 'icon-button'}
				aria-label={label}
				onPress={onPress}
				isDisabled={isDisabled}
			>
				<Icon name={icon} />
			</Button>
			<Tooltip className="tooltip">{label}</Tooltip>
		</TooltipTrigger>
	);
}

/** The same that stays down. */
export function IconToggle({
	icon,
	label,
	large = false,
	isOn,
	onChange,
}: IconProps & { isOn: boolean; onChange: (isOn: boolean) => void }) {
	return (
		<TooltipTrigger delay={600}>
			<ToggleButton
				className={large ? 'icon-button large' : 'icon-button'}
				aria-label={label}
				isSelected={isOn}
				onChange={onChange}
			>
				<Icon name={icon} />
			</ToggleButton>
			<Tooltip className="tooltip">{label}</Tooltip>
		</TooltipTrigger>
	);
}

export type Choice<T extends string> = {
	readonly value: T;
	readonly label: string;
	/** Can be focused and not chosen. */
	readonly isOff?: boolean;
};

/** One of a few, side by side: arrows choose, Tab passes by. */
export function Segments<T extends string>({
	label,
	choices,
	value,
	onChange,
	className = '',
	describedBy,
	onPoint,
}: {
	label: string;
	choices: readonly Choice<T>[];
	value: T | null;
	onChange: (value: T) => void;
	className?: string;
	/** What says why some cannot be chosen. */
	describedBy?: string;
	/** Told which one the pointer or the focus is on; null when on none. */
	onPoint?: (value: T | null) => void;
}) {
	return (
		<RadioGroup
			className={`segments ${className}`}
			aria-label={label}
			orientation="horizontal"
			value={value}
			onChange={(chosen) => {
				const choice = choices.find((each) => each.value === chosen);
				if (choice && !choice.isOff) onChange(choice.value);
			}}
		>
			{choices.map((choice) => (
				<Segment
					key={choice.value}
					choice={choice}
					describedBy={choice.isOff ? describedBy : undefined}
					onPoint={(isOn) => onPoint?.(isOn ? choice.value : null)}
				/>
			))}
		</RadioGroup>
	);
}

function Segment({
	choice: { value, label, isOff = false },
	describedBy,
	onPoint,
}: {
	choice: Choice<string>;
	describedBy: string | undefined;
	onPoint: (isOn: boolean) => void;
}) {
	// A radio that is disabled for the browser could not be focused, and its reason not be read.
	const markOff = useCallback(
		(input: HTMLInputElement | null) => {
			if (isOff) input?.setAttribute('aria-disabled', 'true');
			else input?.removeAttribute('aria-disabled');
		},
		[isOff],
	);
	return (
		<Radio
			value={value}
			className={isOff ? 'segment off' : 'segment'}
			inputRef={markOff}
			onHoverStart={() => onPoint(true)}
			onHoverEnd={() => onPoint(false)}
			onFocus={() => onPoint(true)}
			onBlur={() => onPoint(false)}
			{...(describedBy === undefined ? {} : { 'aria-describedby': describedBy })}
		>
			{label}
		</Radio>
	);
}

/** A labelled line of the request. */
export function Row({ label, id, children }: { label: string; id?: string; children: ReactNode }) {
	return (
		<div className="row">
			<span className="label" {...(id === undefined ? {} : { id })}>
				{label}
			</span>
			{children}
		</div>
	);
}

/** Text that is cut where it does not fit, and whole in its tooltip. */
export function CutOff({
	text,
	whole = text,
	className = '',
}: {
	text: string;
	whole?: string;
	className?: string;
}) {
	return (
		<span className={`cut-off ${className}`} title={whole}>
			{text}
		</span>
	);
}

/**
 * The one filled button. Where it is off it can still be focused, so that what is described about it
 * can be read.
 */
export function PrimaryButton({
	label,
	hint,
	onPress,
	isOff = false,
	isPlain = false,
	isWorking = false,
	describedBy,
}: {
	label: string;
	/** The key that presses it. */
	hint: string;
	onPress: () => void;
	isOff?: boolean;
	/** Where nothing is pending. */
	isPlain?: boolean;
	isWorking?: boolean;
	describedBy?: string;
}) {
	const classes = ['button', 'large', 'grow'];
	if (!isPlain) classes.push('primary');
	if (isWorking) classes.push('working');
	return (
		<button
			type="button"
			className={classes.join(' ')}
			data-primary
			aria-disabled={isOff}
			onClick={() => !isOff && onPress()}
			{...(describedBy === undefined ? {} : { 'aria-describedby': describedBy })}
		>
			{label}
			<kbd>{hint}</kbd>
		</button>
	);
}

/** The number of a `NumberField`, with a button on either side. */
export function Stepper({
	isLong = false,
	placeholder,
}: {
	isLong?: boolean;
	/** Where there is no number. */
	placeholder?: string;
}) {
	return (
		<Group className="stepper">
			<Button slot="decrement" className="icon-button">
				<Icon name="minus" />
			</Button>
			<Input
				className={isLong ? 'stepper-value long' : 'stepper-value'}
				{...(placeholder === undefined ? {} : { placeholder })}
			/>
			<Button slot="increment" className="icon-button">
				<Icon name="plus" />
			</Button>
		</Group>
	);
}
