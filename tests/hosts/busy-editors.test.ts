import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BusyEditors } from '../../inference-daemon/hosts/busy-editors.ts';
import { type AgentLink, Hosts } from '../../inference-daemon/hosts/hosts.ts';
import type { HostAgent, HostState } from '../../protocol/hosts.ts';
import { pauseSays } from '../../protocol/jobs.ts';

const SETTLE = 1500;

const IDLE: HostState = {
	...{ project: null, sequence: null, revision: 1 },
	...{ playhead: null, selection: null, busy: null },
};

let hosts: Hosts;
let told: string[];
beforeEach(() => {
	vi.useFakeTimers();
	hosts = new Hosts();
	told = [];
	new BusyEditors({
		hosts,
		settle: SETTLE,
		onChange: (busy) => told.push(busy ? pauseSays(busy) : 'Nobody is busy'),
	});
});
afterEach(() => {
	vi.useRealTimers();
});

/** An agent that has connected. */
function open(program: string) {
	let close = () => {};
	const onClose = (listener: () => void) => {
		close = listener;
	};
	const link = { onClose } as AgentLink;
	const agent = { id: program, program, version: '1', can: {} } as HostAgent;
	hosts.register(agent, IDLE, link);
	return {
		be: (busy: HostState['busy']) => hosts.changed(link, { ...IDLE, busy }),
		move: (playhead: number) => hosts.changed(link, { ...IDLE, busy: 'playing', playhead }),
		close: () => close(),
	};
}

it('A busy editor is told of at once and once, an idle one when it has been so for a while', () => {
	const premiere = open('Premiere');
	premiere.be('playing');
	expect(told).toEqual(['Paused while Premiere is playing']);
	for (const playhead of [5, 10, 15]) premiere.move(playhead);
	premiere.be(null);
	vi.advanceTimersByTime(SETTLE - 1);
	expect(told).toHaveLength(1);
	vi.advanceTimersByTime(1);
	expect(told).toEqual(['Paused while Premiere is playing', 'Nobody is busy']);
});

it('One that plays again and again is not told of in between, however long that lasts', () => {
	const premiere = open('Premiere');
	for (let turn = 0; turn < 5; turn++) {
		premiere.be('playing');
		vi.advanceTimersByTime(10 * SETTLE);
		premiere.be(null);
		vi.advanceTimersByTime(SETTLE - 1);
	}
	expect(told).toEqual(['Paused while Premiere is playing']);
});

it('Of two that are busy one is told of until it has ended; a dialog is none', () => {
	const premiere = open('Premiere');
	const blender = open('Blender');
	blender.be('rendering');
	premiere.be('playing');
	blender.be('dialog');
	expect(told).toEqual(['Paused while Blender is rendering', 'Paused while Premiere is playing']);
	premiere.close();
	vi.advanceTimersByTime(SETTLE);
	expect(told.at(-1)).toBe('Nobody is busy');
	expect(told).toHaveLength(3);
});
