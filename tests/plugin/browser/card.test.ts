import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { makeModel } from '../../engines/ltx2/shots.ts';
import { openAtGap, startStage } from '../stage.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('Where CUDA does not work on the card that the machine has, the panel says so before the press, and what to do', async () => {
	const folder = await temporaryFolder();
	const smi = join(folder, 'nvidia-smi');
	await writeFile(smi, "#!/bin/sh\necho '8.9, 580.95.05, 24564, 20000, NVIDIA GeForce RTX 4090'\n");
	await chmod(smi, 0o755);
	await mkdir(join(folder, 'gpu'));
	const daemon = await startStage({
		engine: 'none',
		env: {
			PATH: `${folder}${delimiter}${process.env.PATH}`,
			PICKUP_GPU: join(folder, 'gpu'),
			PICKUP_MODEL: await makeModel(join(folder, 'model'), 'ltx-2-tiny'),
			VK_ICD_FILENAMES: join(folder, 'none.json'),
		},
	});
	const { editor, page } = await openAtGap(daemon);
	const plan = page.locator('#plan');
	const note = plan.getByText('This machine has NVIDIA GeForce RTX 4090, but CUDA does not work');
	await note.waitFor();
	const said = await note.textContent();
	expect(said).toContain('its libraries have not been fetched: libcudart.so.13');
	expect(said).toContain('Run `pickup setup gpu`');
	await editor.quit();
});
