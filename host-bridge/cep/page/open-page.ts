import { type PickupError, problemOf } from '../../../protocol/errors.ts';
import { Agent, type AgentOptions } from '../../agent/agent.ts';
import type { EditorPort } from '../../agent/port.ts';
import { drawPanel } from './draw-panel.ts';
import { wordsFor } from './words.ts';

/** What the page wants of its surroundings, and has not itself. */
export type Surroundings = Pick<AgentOptions, 'readPortFile' | 'get' | 'openSocket'> & {
	readonly port: EditorPort;
	/** Throws PickupError where none can be started. */
	readonly startDaemon: () => Promise<void>;
	readonly openInBrowser: (address: string) => Promise<unknown>;
	/** As `de_DE`. */
	readonly locale: string;
	/** Of Pickup. */
	readonly version: string;
	readonly randomUuid: () => string;
};

/** The first Chromium that draws the panel: that of CEP 12. */
const DRAWS_PANEL = 99;

/** A daemon that does not come up is not started again and again, in ms. */
const START_AGAIN_AFTER = 60_000;

const AGENT_ID = 'pickup-agent';

/**
 * Panel and agent in one page. Opening it is the wish to work with Pickup: where the daemon does not
 * run, it is started, but for one that the person has stopped meanwhile.
 */
export function openPage(surroundings: Surroundings): Agent {
	const { port, get, locale, version } = surroundings;
	const words = wordsFor(locale);
	const chromium = Number(/Chrome\/(\d+)/.exec(navigator.userAgent)?.[1] ?? 0);
	let drawn: string | null = null;
	let hasConnected = false;
	let startedAt = Number.NEGATIVE_INFINITY;
	show(words.starting);
	const agent = new Agent(port, {
		...surroundings,
		id: idOfThisRun(surroundings.randomUuid),
		client: { name: 'pickup-cep', version },
		onStatus: () => void follow(),
	});
	return agent;

	async function follow(): Promise<void> {
		const { away, panel } = agent.status;
		if (panel !== null) {
			hasConnected = true;
			return showPanel(panel);
		}
		const isStopped = hasConnected && (await surroundings.readPortFile()) === null;
		if (!isStopped && performance.now() - startedAt > START_AGAIN_AFTER) return start();
		// Whoever sees the panel is told by that.
		if (drawn === null) show(isStopped ? words.stopped : (away ?? words.starting), startButton());
	}

	async function start(): Promise<void> {
		startedAt = performance.now();
		if (drawn === null) show(words.starting);
		try {
			if ((await surroundings.readPortFile()) === null || !(await answers())) {
				await surroundings.startDaemon();
			}
			agent.hurry();
		} catch (error) {
			const { message, action } = problemOf(error as PickupError);
			if (drawn === null) show(`${message}. ${action}`, startButton());
		}
	}

	/** Whether something listens where the port file says. */
	async function answers(): Promise<boolean> {
		try {
			const { port: number } = JSON.parse((await surroundings.readPortFile()) ?? '') as {
				port: number;
			};
			await get(`http://127.0.0.1:${number}/panel/`);
			return true;
		} catch {
			return false;
		}
	}

	async function showPanel(panel: string): Promise<void> {
		if (drawn === panel) return;
		if (drawn !== null) {
			// Another daemon: another token, and perhaps another version of the panel.
			location.reload();
			return;
		}
		const open = { text: words.openInBrowser, press: () => surroundings.openInBrowser(panel) };
		if (chromium < DRAWS_PANEL) {
			return show(`${words.connected(port.program)} ${words.tooOld}`, open);
		}
		drawn = panel;
		try {
			await drawPanel(panel, get);
		} catch (error) {
			drawn = null;
			show(problemOf(error).message, open);
		}
	}

	function startButton(): Button {
		return { text: words.start, press: start };
	}
}

type Button = { readonly text: string; readonly press: () => Promise<unknown> };

function show(text: string, button?: Button): void {
	const said = document.createElement('p');
	said.setAttribute('role', 'status');
	said.textContent = text;
	const parts: HTMLElement[] = [said];
	if (button) {
		const pressed = document.createElement('button');
		pressed.textContent = button.text;
		pressed.addEventListener('click', () => void button.press());
		parts.push(pressed);
	}
	document.body.replaceChildren(...parts);
}

/** The same after a reload: to the daemon it is the same agent. */
function idOfThisRun(randomUuid: () => string): string {
	const known = sessionStorage.getItem(AGENT_ID);
	if (known !== null) return known;
	const made = randomUuid();
	sessionStorage.setItem(AGENT_ID, made);
	return made;
}
