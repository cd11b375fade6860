import { wordsFor } from '../strings/languages.ts';
import { Icon } from './icons.tsx';

/** For a page that somebody opened without its key: how it is opened. */
export function NoToken() {
	const words = wordsFor(null);
	return (
		<main className="stage">
			<div className="section lead">
				<div className="note">
					<Icon name="unplug" />
					<h1>{words.noToken}</h1>
					<p>{words.noTokenSays}</p>
				</div>
			</div>
		</main>
	);
}
