import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/soak/**/*.soak.ts'],
		testTimeout: 4 * 3_600_000,
		hookTimeout: 600_000,
		maxWorkers: 2,
	},
});
