import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('The panel uses nothing that Chromium 99 or Safari 16 lacks', async () => {
	const script = fileURLToPath(new URL('../../scripts/lint-panel.mjs', import.meta.url));
	const { stderr } = await promisify(execFile)(process.execPath, [script]);
	expect(stderr).toBe('');
});
