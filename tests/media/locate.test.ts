import { chmod, copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import { ffmpeg, inFolder } from './media-files.ts';

async function script(path: string, text: string): Promise<string> {
	await writeFile(path, `#!/bin/sh\n${text}\n`);
	await chmod(path, 0o755);
	return path;
}

describe('which ffmpeg is used', () => {
	it('the one on PATH where the package has none, with its version', async () => {
		const found = await findFfmpeg();
		expect(found.version).toMatch(/^\S+$/);
		expect(['PATH', 'ffmpeg-static']).toContain(found.origin);
		expect(found.path).toMatch(/^\//);
	});

	it('the first folder of PATH that has one', async () => {
		await inFolder(async (folder) => {
			const link = join(folder, 'ffmpeg');
			await symlink(ffmpeg.path, link);
			const found = await findFfmpeg({ env: { PATH: `/nowhere::${folder}:/usr/bin` } });
			if (found.origin === 'PATH') expect(found.path).toBe(link);
			expect(await findFfmpeg({ setting: link })).toEqual({
				...found,
				origin: 'setting',
				path: link,
			});
		});
	});

	it.each([
		['nothing there', null, 'not there'],
		['not executable', '', 'not there'],
		['another program', 'echo hello', 'it is not ffmpeg'],
		['one that fails', 'echo broken >&2; exit 3', 'it does not run: it exited with 3'],
		[
			'one that is too old',
			'echo "ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright"',
			'version 4.4.2-0ubuntu0.22.04.1 is too old',
		],
		[
			'one without what is needed',
			'echo "ffmpeg version 6.0 Copyright"',
			'it was built without prores_ks (encoders)',
		],
		[
			'one that was cut down',
			'case "$*" in *-version) echo "ffmpeg version 6.0"; echo "configuration: --disable-demuxers";; *-demuxers) echo " D  mov,mp4 QuickTime";; *) exec REAL "$@";; esac',
			'it was built without matroska (demuxers), mxf (demuxers)',
		],
	])('a setting is not replaced by another: %s', async (what, text, why) => {
		await inFolder(async (folder) => {
			const path = join(folder, 'my-ffmpeg');
			if (text !== null) await script(path, text.replace('REAL', ffmpeg.path));
			if (what === 'not executable') await chmod(path, 0o644);
			await expect(findFfmpeg({ setting: path })).rejects.toMatchObject({
				code: 'ffmpeg-missing',
				field: 'ffmpeg',
				message: expect.stringContaining(`setting (${path}): ${why}`),
			});
		});
	});

	it('without any the error says what was tried', async () => {
		await inFolder(async (folder) => {
			await copyFile('/bin/true', join(folder, 'ffmpeg'));
			const result = await findFfmpeg({ env: { PATH: folder } }).catch((error: unknown) => error);
			// Where the package's download worked there is one after all.
			if (ffmpeg.origin === 'ffmpeg-static')
				expect(result).toMatchObject({ origin: 'ffmpeg-static' });
			else {
				expect(result).toMatchObject({
					code: 'ffmpeg-missing',
					message: expect.stringMatching(
						/^Expected ffmpeg 5\.1 or newer; ffmpeg-static.*: not there; PATH \(.*\): it is not ffmpeg$/,
					),
				});
			}
		});
	});
});
