import { resolve } from 'node:path';
import type { Command } from 'commander';
import { selectGap } from '../../host-bridge/gap.ts';
import type { Gap } from '../../host-bridge/host.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { RequestOf } from '../../protocol/generation.ts';
import type { FrameRate } from '../../protocol/time.ts';
import { makeShot, type ShotOptions, shotInGap } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';
import { rangeBeside } from './extend.ts';

type Images = RequestOf<'insert'>['images'];
type InsertOptions = ShotOptions & { gap: string; length?: string; image: string[] };

export function addInsert(program: Command, exit: (code: number) => void): void {
	addShotOptions(program.command('insert'))
		.description('put a new shot, made from text and stills, into empty time')
		.requiredOption('--gap <gap>', 'row number, or track and timecode as V1@01:00:05:12')
		.option(
			'--length <length>',
			'48, 2s, 00:00:02:00, or auto: the model chooses; default: the whole gap',
		)
		.option(
			'--image <path@frame:strength>',
			'a still at a frame of the new clip; may be repeated',
			(value: string, all: string[]) => [...all, value],
			[],
		)
		.addHelpText(
			'after',
			`
Examples:
  pickup insert cut.xml --gap 4 --length 3s --prompt "aerial of the harbour at dawn"
  pickup insert cut.xml --gap 4 --length 3s --prompt "…" --image board.png@0 --image end.png@71:0.8
  pickup insert cut.xml --gap 4 --length auto --engine ltx2 --prompt "…"`,
		)
		.action(async (timeline: string, options: InsertOptions) => {
			const terminal = openTerminal(options.json === true);
			const images = options.image.map(parseImage);
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const cut = await host.cut();
				const gap = selectGap(cut, await host.gaps(), options.gap);
				const side = gap.kind === 'open-head' ? 'head' : 'tail';
				const { rate } = cut.sequence;
				const isOpen = options.length === 'auto';
				const length = isOpen ? roomFor(gap, rate) : options.length;
				const range = rangeBeside(gap, side, length, rate);
				const shot = await shotInGap(host, gap.track, range, (shared) => ({
					kind: 'insert',
					images,
					...(isOpen ? { length: 'model' } : {}),
					...shared,
				}));
				return side === 'head' ? { ...shot, leansOn: 'end' } : shot;
			});
			exit(code);
		});
}

/** The longest shot whose length a model chooses, in seconds. */
const LONGEST = 20;

/** As much of the gap as a shot can take, as a length. */
function roomFor({ start, end }: Gap, { num, den }: FrameRate): string {
	const most = Math.floor((LONGEST * num) / den);
	return String(end === null ? most : Math.min(most, end - start));
}

/** `board.png@0:0.8`: path, frame, and a strength from 0 to 1 that is 1 where it is left out. */
export function parseImage(text: string): Images[number] {
	const match = /^(.+)@(\d{1,7})(?::(0|1|0?\.\d+|1\.0+))?$/.exec(text);
	const [, path, frame, strength] = match ?? [];
	if (path === undefined || frame === undefined) {
		throw new PickupError('usage', `Expected --image as path@frame:strength, got "${text}"`);
	}
	return { path: resolve(path), frame: Number(frame), strength: Number(strength ?? 1) };
}
