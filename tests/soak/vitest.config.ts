import { defineConfig } from 'vitest/config';

/** Tests that try as often as `tries` says. */
const SAMPLED = [
	'daemon/crash',
	'daemon/fuzz',
	'end-to-end/landing-kills',
	'end-to-end/ltx2-lengths',
	'end-to-end/ltx2-stopping',
	'engines/inbetween/sizes',
	'engines/ltx2/session-orders',
	'engines/ltx2/memory-simulated',
	'engines/ltx2/vocoder',
	'engines/ltx2/weights-safetensors',
	'host-bridge/fcp7-xml-mutated',
	'host-bridge/mutations',
	'host-bridge/timeline-agent-crash',
	'hosts/after-effects/faults',
	'hosts/blender-crash',
	'hosts/resolve-faults',
	'hosts/premiere-faults',
	'hosts/premiere-script-faults',
	'media/encode',
];

export default defineConfig({
	test: {
		// What `npm test` runs a sample of, and what it leaves out: what is fetched for it is too large.
		include: [...SAMPLED.map((name) => `tests/${name}.test.ts`), 'tests/soak/*.soak.ts'],
		env: { PICKUP_SOAK: '1', PICKUP_PORT: '0' },
		testTimeout: 4 * 3_600_000,
		hookTimeout: 600_000,
		maxWorkers: 2,
	},
});
