/** `node scripts/icons.mjs`: draws manifest/icons/*.png from pickup.svg, after a change to that. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { root } from './tools.mjs';

/** By file: points on a side, and the colour of the clips beside, for the editor's theme. */
const ICONS = {
	'panel-dark': { size: 23, colour: '#c8c8c8' },
	'panel-light': { size: 23, colour: '#5a5a5a' },
	plugin: { size: 48, colour: '#8c8c8c' },
};

const folder = join(root, 'manifest/icons');
const svg = readFileSync(join(folder, 'pickup.svg'), 'utf8');
for (const [name, { size, colour }] of Object.entries(ICONS)) {
	for (const scale of [1, 2]) {
		const fitTo = { mode: 'width', value: size * scale };
		const drawn = new Resvg(svg.replaceAll('currentColor', colour), { fitTo }).render();
		const file = join(folder, `${name}${scale === 1 ? '' : '@2x'}.png`);
		writeFileSync(file, drawn.asPng());
	}
}
