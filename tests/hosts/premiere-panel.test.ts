import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AgentStatus } from '../../host-bridge/agent/port.ts';
import { PanelView } from '../../host-bridge/premiere-uxp/view.ts';
import { FakeElement } from '../fakes/premiere/uxp-runtime.ts';

/** What stands in Premiere's panel, with the events of UXP's webview: loadstart, loadstop, loaderror. */

const PANEL = 'http://127.0.0.1:1/panel/#token=a';
const OTHER = 'http://127.0.0.1:2/panel/#token=b';
const AWAY: AgentStatus = {
	away: 'Pickup is not running',
	advice: null,
	panel: null,
	brief: null,
};
const BROWSER = 'Open the panel in a browser';

let root: FakeElement;
let acts: string[];
let view: PanelView;
beforeEach(() => {
	vi.useFakeTimers();
	root = new FakeElement('body');
	acts = [];
	view = new PanelView(
		{ createElement: (name) => new FakeElement(name) as never },
		{ openInBrowser: (url) => acts.push(url), tryNow: () => acts.push('try') },
	);
});
afterEach(() => {
	view.end();
	vi.useRealTimers();
});

const running = (panel: string): AgentStatus => ({ ...AWAY, away: null, panel });
const webview = () => root.all.find(({ name }) => name === 'webview');
const texts = () => root.all.flatMap(({ textContent }) => textContent ?? []);
const press = (label: string) =>
	root.all.find(({ textContent }) => textContent === label)!.fire('click');

test('A webview on the daemon’s page fills the panel, and is not loaded anew by what is told meanwhile', () => {
	view.attach(root as never, running(PANEL));
	const first = webview();
	expect(first?.attributes.get('src')).toBe(PANEL);
	expect(first?.style).toMatchObject({
		position: 'absolute',
		top: '0',
		width: '100vw',
		height: '100vh',
	});
	first?.fire('loadstop');
	view.show(running(PANEL));
	view.attach(root as never, running(PANEL));
	vi.advanceTimersByTime(600_000);
	expect(root.children).toEqual([first]);
});

test('Where Pickup is not running the panel says how to start it, and tries at once when it is told to', () => {
	view.attach(root as never, AWAY);
	expect(texts()).toContain('Pickup is not running');
	expect(texts().join()).toContain('pickup daemon start');
	// A refusal may come without a word.
	expect(texts().join()).toContain('pickup install premiere --any-port');
	press('Try again now');
	expect(acts).toEqual(['try']);
});

test('Where something else is to be done the panel says that, and not how to start Pickup', () => {
	view.attach(root as never, { ...AWAY, away: 'Of another version', advice: 'Install both anew.' });
	expect(texts()).toEqual(expect.arrayContaining(['Of another version', 'Install both anew.']));
	expect(texts().join()).not.toContain('pickup daemon start');
});

test('A webview that loads nothing, and says nothing, leaves room for a browser; a page that comes late is shown', () => {
	view.attach(root as never, running(PANEL));
	const late = webview();
	late?.fire('loadstart');
	vi.advanceTimersByTime(60_000);
	press(BROWSER);
	expect(acts).toEqual([PANEL]);
	expect(webview()).toBe(late);
	expect(late?.style).toMatchObject({ top: '50vh', height: '50vh' });
	late?.fire('loadstop');
	expect(root.children).toEqual([late]);
	expect(late?.style).toMatchObject({ top: '0', height: '100vh' });
});

test('After a load error a browser is offered, and the page is tried again until it loads', () => {
	view.attach(root as never, running(PANEL));
	for (let tries = 0; tries < 3; tries++) {
		const failing = webview();
		failing?.fire('loaderror');
		// It has stopped, too, and shows nothing.
		failing?.fire('loadstop');
		expect(texts()).toContain(BROWSER);
		vi.advanceTimersByTime(60_000);
		expect(webview()).not.toBe(failing);
		expect(texts()).toContain(BROWSER);
	}
	webview()?.fire('loadstop');
	expect(root.children.map(({ name }) => name)).toEqual(['webview']);
	vi.advanceTimersByTime(600_000);
	expect(root.children).toHaveLength(1);
});

test('Each new address is tried in a webview, whatever became of the one before', () => {
	view.attach(root as never, running(PANEL));
	const failed = webview();
	failed?.fire('loaderror');
	view.show(AWAY);
	expect(webview()).toBeUndefined();
	view.show(running(OTHER));
	expect(webview()?.attributes.get('src')).toBe(OTHER);
	// What the old one says is of no account.
	failed?.fire('loaderror');
	expect(root.children.map(({ name }) => name)).toEqual(['webview']);
});

test('The message can be closed where a panel shows without ever saying so', () => {
	view.attach(root as never, running(PANEL));
	vi.advanceTimersByTime(60_000);
	press('Close this message');
	vi.advanceTimersByTime(600_000);
	expect(root.children).toEqual([webview()]);
	expect(webview()?.style).toMatchObject({ height: '100vh' });
});
