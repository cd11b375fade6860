import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/**/*.test.ts'],
		testTimeout: 900_000,
		hookTimeout: 900_000,
		// Two cores are not busy with two: many tests wait for processes.
		maxWorkers: 3,
	},
});
