import type { AgentStatus } from '../agent/port.ts';
import type { Element, Page } from './surroundings.ts';

export type ViewActions = {
	readonly openInBrowser: (url: string) => void;
	readonly tryNow: () => void;
};

/**
 * What stands in Premiere's panel: the daemon's page in a webview; where there is no daemon, or this
 * Premiere draws no webview, a few words and buttons of UXP's own.
 */
export class PanelView {
	readonly #page: Page;
	readonly #actions: ViewActions;
	#root: Element | null = null;
	#shown: Element | null = null;
	/** What is shown, so that a page that is looked at is not loaded anew. */
	#showing = '';
	#hasWebview = true;

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

	show({ panel, away }: AgentStatus): void {
		if (!this.#root) return;
		const showing = JSON.stringify([panel, panel === null && away, this.#hasWebview]);
		if (showing === this.#showing) return;
		this.#showing = showing;
		this.#shown?.remove();
		this.#shown =
			panel !== null && this.#hasWebview
				? this.#webview(panel, () => this.show({ panel, away, brief: null }))
				: this.#words(panel, away);
		this.#root.appendChild(this.#shown);
	}

	#webview(panel: string, failed: () => void): Element {
		const view = this.#page.createElement('webview');
		view.setAttribute('width', '100%');
		view.setAttribute('height', '100%');
		view.setAttribute('src', panel);
		view.addEventListener('loaderror', () => {
			this.#hasWebview = false;
			failed();
		});
		return view;
	}

	#words(panel: string | null, away: string | null): Element {
		const box = this.#page.createElement('div');
		box.style.padding = '12px';
		if (panel !== null) {
			box.appendChild(this.#text('Pickup is running. Premiere cannot draw its panel here.'));
			const open = () => this.#actions.openInBrowser(panel);
			box.appendChild(this.#button('Open the panel in a browser', open));
			return box;
		}
		box.appendChild(this.#text(away ?? 'Pickup is not running'));
		box.appendChild(
			this.#text(
				'How to start Pickup: run “pickup daemon start” in a terminal. “pickup daemon --at-login on” has it started for you from then on. This panel notices by itself.',
			),
		);
		box.appendChild(this.#button('Try again now', this.#actions.tryNow));
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
