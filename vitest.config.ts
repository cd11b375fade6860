import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/**/*.test.ts'],
		// Many daemons at once, and none where another one has just been.
		env: { PICKUP_PORT: '0' },
		testTimeout: 900_000,
		hookTimeout: 900_000,
		// Tests of the daemon and the command wait for most of their time.
		maxWorkers: 3,
	},
});
