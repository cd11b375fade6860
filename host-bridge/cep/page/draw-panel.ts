import { PickupError } from '../../../protocol/errors.ts';

/**
 * Turns this page into the panel that the daemon serves: its own script and styles, run here. Not in
 * a frame: in one, what an editor answers never arrives. `panel`: the address that the page would be
 * opened with in a browser; `get`: the body of a `GET`, asked outside the page, which comes from a file.
 */
export async function drawPanel(
	panel: string,
	get: (url: string) => Promise<string>,
): Promise<void> {
	const address = new URL(panel);
	const folder = `${address.origin}/panel/`;
	const page = await get(folder);
	const named = (pattern: RegExp) => {
		const name = pattern.exec(page)?.[1];
		if (name !== undefined) return name;
		throw new PickupError('bad-message', 'Expected the panel’s page from Pickup, got another one');
	};
	const [styles, script] = await Promise.all([
		get(folder + named(/href="(styles-[\w-]+\.css)"/)),
		get(folder + named(/src="(panel-[\w-]+\.js)"/)),
	]);
	// What was looked at before a reload is in the history's state, and stays there.
	history.replaceState(history.state, '', `${address.hash}&port=${address.port}`);
	const base = element('base', { href: `${address.origin}/` });
	// React Aria looks for this one, and would put its own into the page else.
	const sheet = element('style', { id: 'react-aria-pressable-style' }, styles);
	for (const own of document.head.querySelectorAll('link[rel=stylesheet]')) own.remove();
	document.head.append(base, sheet);
	document.body.replaceChildren(element('div', { id: 'panel' }));
	document.body.append(element('script', { type: 'module' }, script));
}

function element(
	name: string,
	attributes: Readonly<Record<string, string>>,
	text = '',
): HTMLElement {
	const made = document.createElement(name);
	for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
	made.textContent = text;
	return made;
}
