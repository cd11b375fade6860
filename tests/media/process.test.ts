import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { FfmpegFailure, FfmpegTooSlow, runFfmpeg } from '../../inference-daemon/media/process.ts';
import { ffmpeg, inFolder, makeFilm } from './media-files.ts';

/** Processes of any state, zombies too, whose command line has the text in it. */
async function processesWith(text: string): Promise<number[]> {
	const found: number[] = [];
	for (const entry of await readdir('/proc')) {
		if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
		const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
		if (line.includes(text)) found.push(Number(entry));
	}
	return found;
}

async function zombieChildren(): Promise<string[]> {
	const states = await Promise.all(
		(await readdir('/proc'))
			.filter((entry) => /^\d+$/.test(entry))
			.map((entry) => readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')),
	);
	return states.filter((state) => {
		const [, name, status, parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(state) ?? [];
		return name === 'ffmpeg' && status === 'Z' && Number(parent) === process.pid;
	});
}

/** Ends as soon as the condition holds; the test's own limit is what makes it fail. */
async function until(condition: () => Promise<boolean>): Promise<void> {
	while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const ENDLESS = ['-loglevel', 'level+error', '-f', 'lavfi', '-i', 'testsrc2=s=160x96'];

describe('a run of ffmpeg', () => {
	it('ends with its errors when ffmpeg fails', async () => {
		const failure = await runFfmpeg(ffmpeg, {
			args: ['-loglevel', 'level+error', '-i', 'file:/nowhere/x.mp4', '-f', 'null', '-'],
		}).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(FfmpegFailure);
		expect(failure).toMatchObject({
			message: expect.stringContaining('No such file or directory'),
		});
	});

	it('ends with the reason of the signal, the child killed and reaped', async () => {
		const reason = new Error('stop');
		const abort = new AbortController();
		let bytes = 0;
		const run = runFfmpeg(ffmpeg, {
			args: [...ENDLESS, '-metadata', 'title=endless-one', '-f', 'rawvideo', 'pipe:1'],
			signal: abort.signal,
			onOutput: (chunk) => {
				bytes += chunk.length;
				if (bytes > 100_000) abort.abort(reason);
			},
		});
		await expect(run).rejects.toBe(reason);
		expect(await processesWith('title=endless-one')).toEqual([]);
		expect(await zombieChildren()).toEqual([]);
	});

	it('ends when its time is over, the child killed and reaped', async () => {
		const args = [...ENDLESS, '-f', 'null', '-metadata', 'comment=too slow', '-'];
		await expect(runFfmpeg(ffmpeg, { args, limit: 200 })).rejects.toThrow(FfmpegTooSlow);
		expect(await processesWith('comment=too slow')).toEqual([]);
	});

	it('ends with what the reader of its output throws', async () => {
		const reason = new Error('not what I wanted');
		await expect(
			runFfmpeg(ffmpeg, {
				args: [...ENDLESS, '-metadata', 'title=endless-two', '-f', 'rawvideo', 'pipe:1'],
				onOutput: () => {
					throw reason;
				},
			}),
		).rejects.toBe(reason);
		expect(await processesWith('title=endless-two')).toEqual([]);
	});

	it('that ends before its input does is no error, and the input is told', async () => {
		let isTold = false;
		async function* endless() {
			try {
				for (;;) yield new Uint8Array(96 * 64);
			} finally {
				isTold = true;
			}
		}
		let bytes = 0;
		await runFfmpeg(ffmpeg, {
			args: [
				...['-loglevel', 'level+error', '-f', 'rawvideo', '-pix_fmt', 'gray'],
				...['-s', '96x64', '-i', 'pipe:0', '-frames:v', '2', '-f', 'rawvideo', 'pipe:1'],
			],
			input: endless(),
			onOutput: (chunk) => {
				bytes += chunk.length;
			},
		});
		expect(bytes).toBe(2 * 96 * 64);
		expect(isTold).toBe(true);
	});

	it('of a program that is not there says so', async () => {
		await expect(
			runFfmpeg({ ...ffmpeg, path: '/nowhere/ffmpeg' }, { args: [] }),
		).rejects.toMatchObject({ code: 'ffmpeg-missing' });
	});

	it.each([
		['a signal ends', 'kill -KILL $$', 'it was ended by SIGKILL'],
		['a signal ends behind a shell', 'exit 137', 'it was ended by SIGKILL'],
		['gets no memory', 'echo "[error] x: Cannot allocate memory" >&2; exit 244', 'memory'],
	])('that %s says nothing of the media', async (_, text, why) => {
		await inFolder(async (folder) => {
			const path = join(folder, 'ffmpeg');
			await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
			await expect(runFfmpeg({ ...ffmpeg, path }, { args: [] })).rejects.toMatchObject({
				code: 'ffmpeg-stopped',
				message: expect.stringContaining(why),
			});
		});
	});

	it('that heeds a signal and ends in good order says nothing of the media either', async () => {
		let isTold = false;
		const tell = async () => {
			for (const pid of await processesWith('title=endless-three')) process.kill(pid, 'SIGTERM');
		};
		await expect(
			runFfmpeg(ffmpeg, {
				args: [...ENDLESS, '-metadata', 'title=endless-three', '-f', 'rawvideo', 'pipe:1'],
				onOutput: () => {
					if (!isTold) void tell();
					isTold = true;
				},
			}),
		).rejects.toMatchObject({ code: 'ffmpeg-stopped' });
	});

	it('does not start once the signal has aborted', async () => {
		const reason = new Error('too late');
		await expect(
			runFfmpeg(
				{ ...ffmpeg, path: '/nowhere/ffmpeg' },
				{ args: [], signal: AbortSignal.abort(reason) },
			),
		).rejects.toBe(reason);
	});

	it('writes no report where the environment asks for one', async () => {
		await inFolder(async (folder) => {
			process.env.FFREPORT = `file=${join(folder, 'report.log')}`;
			try {
				await runFfmpeg(ffmpeg, { args: ['-version'], onOutput: () => {} });
			} finally {
				delete process.env.FFREPORT;
			}
			expect(await readdir(folder)).toEqual([]);
		});
	});
});

describe('when the process that started it is killed', () => {
	/** `mark` stands in the arguments of the one ffmpeg that the program starts. */
	async function killedWhileRunning(folder: string, mark: string, source: string): Promise<void> {
		const outfile = join(folder, 'program.mjs');
		await build({
			stdin: { contents: source, resolveDir: import.meta.dirname, loader: 'ts' },
			bundle: true,
			platform: 'node',
			format: 'esm',
			packages: 'external',
			outfile,
			logLevel: 'error',
		});
		const modules = join(import.meta.dirname, '../../node_modules');
		await symlink(modules, join(folder, 'node_modules'));
		const program = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
		await once(program.stdout, 'data');
		expect((await processesWith(mark)).length).toBe(1);
		program.kill('SIGKILL');
		await until(async () => (await processesWith(mark)).length === 0);
	}

	it('an encoder ends by itself and the clip does not stand under its name', async () => {
		await inFolder(async (folder) => {
			await killedWhileRunning(
				folder,
				`title=${folder}`,
				`import { encodeClip } from '../../inference-daemon/media/encode.ts';
				async function* frames() {
					const data = new Uint8Array((160 * 96 * 3) / 2);
					for (let n = 0; ; n++) {
						yield { width: 160, height: 96, format: 'yuv420p', data };
						if (n === 20) {
							process.stdout.write('encoding');
							await new Promise((resolve) => setTimeout(resolve, 60_000));
						}
					}
				}
				await encodeClip(${JSON.stringify(ffmpeg)}, {
					path: ${JSON.stringify(join(folder, 'clip.mov'))},
					size: { width: 160, height: 96 }, pixelAspect: { num: 1, den: 1 }, rate: { num: 25, den: 1 },
					codec: 'h264-intra', frameCount: 1000, frames: frames(), sound: null,
					tags: { title: ${JSON.stringify(folder)} },
				});`,
			);
			expect(existsSync(join(folder, 'clip.mov'))).toBe(false);
		});
	});

	it('a decoder whose output nobody takes ends too', async () => {
		await inFolder(async (folder) => {
			const film = await makeFilm(join(folder, 'film.mov'), {
				count: 250,
				rate: '25',
				options: ['-c:v', 'libx264', '-preset', 'ultrafast'],
			});
			await killedWhileRunning(
				folder,
				`file:${film}`,
				`import { writeSync } from 'node:fs';
				import { runFfmpeg } from '../../inference-daemon/media/process.ts';
				await runFfmpeg(${JSON.stringify(ffmpeg)}, {
					args: ['-i', ${JSON.stringify(`file:${film}`)}, '-vf', 'scale=640:480', '-f', 'rawvideo', 'pipe:1'],
					onOutput: () => {
						writeSync(1, 'reading');
						Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
					},
				});`,
			);
		});
	});
});
