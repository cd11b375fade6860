import type { AgentStatus } from '../agent/port.ts';
import type { Element, Page } from './surroundings.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

export type ViewActions = {
	readonly openInBrowser: (url: string) => void;
	readonly tryNow: () => void;
};

/** How long the daemon's page may take until the person is offered a browser, in ms. */
const LOADS_WITHIN = 10_000;

/** The pause before a page that was not loaded is tried again grows from the first to the second, in ms. */
const PAUSES = [2000, 60_000] as const;

/**
 * What stands in Premiere's panel: the daemon's page in a webview; where there is no daemon, or the
 * webview does not say that it has loaded the page, a few words and buttons of UXP's own.
 */
export class PanelView {
	readonly #page: Page;
	readonly #actions: ViewActions;
	#root: Element | null = null;
	#words: Element | null = null;
	#webview: Element | null = null;
	#timer: unknown;
	/** What is shown, so that a page that is looked at is not loaded anew. */
	#showing = '';

	constructor(page: Page, actions: ViewActions) {
		this.#page = page;
		this.#actions = actions;
	}

	/** Premiere gives the panel's root whenever it makes or shows it. */
	attach(root: Element, status: AgentStatus): void {
		if (root !== this.#root) this.#showing = '';
		this.#root = root;
		this.show(status);
	}

	show({ panel, away, advice }: AgentStatus): void {
		const showing = JSON.stringify(panel === null ? [away, advice] : panel);
		if (!this.#root || showing === this.#showing) return;
		this.#showing = showing;
		this.end();
		if (panel === null) this.#say(this.#absence(away, advice));
		else this.#load(panel, PAUSES[0]);
	}

	/** Takes out what is shown, and tries nothing any more. */
	end(): void {
		clearTimeout(this.#timer);
		this.#webview?.remove();
		this.#webview = null;
		this.#say(null);
	}

	/** A page that comes late, or after an error, takes the panel over from the words. */
	#load(panel: string, pause: number): void {
		this.#webview?.remove();
		const view = this.#page.createElement('webview');
		this.#webview = view;
		let hasFailed = false;
		view.setAttribute('src', panel);
		view.addEventListener('loadstop', () => {
			// It stops after an error, too.
			if (view !== this.#webview || hasFailed) return;
			clearTimeout(this.#timer);
			this.#say(null);
		});
		view.addEventListener('loaderror', () => {
			if (view !== this.#webview || hasFailed) return;
			hasFailed = true;
			this.#say(this.#offer(panel));
			const next = Math.min(pause * 2, PAUSES[1]);
			this.#after(pause, () => this.#load(panel, next));
		});
		this.#lay();
		this.#root?.appendChild(view);
		this.#after(LOADS_WITHIN, () => this.#say(this.#offer(panel)));
	}

	#after(milliseconds: number, act: () => void): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(act, milliseconds);
	}

	#say(words: Element | null): void {
		this.#words?.remove();
		this.#words = words;
		this.#lay();
		if (words) this.#root?.appendChild(words);
	}

	/** A webview has no height of its own. Where there are words it is below them. */
	#lay(): void {
		if (!this.#webview) return;
		const [top, height] = this.#words ? ['50vh', '50vh'] : ['0', '100vh'];
		Object.assign(this.#webview.style, { position: 'absolute', left: '0', width: '100vw' });
		Object.assign(this.#webview.style, { top, height });
	}

	#offer(panel: string): Element {
		return this.#box(
			this.#text(
				'Pickup is running. Where Premiere shows no panel below, open it in a browser: it does the same there.',
			),
			this.#button('Open the panel in a browser', () => this.#actions.openInBrowser(panel)),
			this.#button('Close this message', () => this.#say(null)),
		);
	}

	#absence(away: string | null, advice: string | null): Element {
		return this.#box(
			this.#text(away ?? 'Pickup is not running'),
			this.#text(advice ?? HOW_TO_START),
			this.#button('Try again now', this.#actions.tryNow),
		);
	}

	#box(...children: readonly Element[]): Element {
		const box = this.#page.createElement('div');
		box.style.padding = '12px';
		for (const child of children) box.appendChild(child);
		return box;
	}

	#text(text: string): Element {
		const line = this.#page.createElement('p');
		line.textContent = text;
		return line;
	}

	#button(label: string, act: () => void): Element {
		const button = this.#page.createElement('button');
		button.textContent = label;
		button.addEventListener('click', act);
		return button;
	}
}

const HOW_TO_START =
	'How to start Pickup: run “pickup daemon start” in a terminal. “pickup daemon --at-login on” has it started for you from then on. This panel notices by itself. If Pickup runs already, Premiere may be keeping this panel from it: run “pickup install premiere --any-port”, then start Premiere again.';
