import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/**/*.test.ts'],
		testTimeout: 900_000,
		hookTimeout: 900_000,
		// Tests of the daemon and the command wait for most of their time.
		maxWorkers: 3,
	},
});
