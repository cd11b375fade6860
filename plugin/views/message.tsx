import { Icon, type IconName } from './icons.tsx';

/** One sentence that says what is so, where the work stood. */
export function Message({
	icon,
	tone,
	title,
	says,
}: {
	icon: IconName;
	tone?: 'caution' | 'stop';
	title: string;
	says: string;
}) {
	return (
		<div className="section lead">
			<div className="note">
				<Icon name={icon} {...(tone ? { tone } : {})} />
				<h2>{title}</h2>
				{says !== '' && <p>{says}</p>}
			</div>
		</div>
	);
}
