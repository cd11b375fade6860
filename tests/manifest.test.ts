import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseXml, type XmlElement } from '@rgrove/parse-xml';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../manifest');

test('the manifest of Adobe’s older panels asks for what they need, by ranges that newer programs are in', async () => {
	const { root } = parseXml(await readFile(join(folder, 'CSXS/manifest.xml'), 'utf8'));
	const all = elementsIn(root!);
	const named = (name: string) => all.filter((element) => element.name === name);
	const textOf = (name: string) => named(name).map(({ text }) => text);
	expect(root?.attributes.ExtensionBundleId).toBe('pickup.panel');
	// One extension, under one name wherever it is named.
	expect(named('Extension').map(({ attributes }) => attributes.Id)).toEqual([
		'pickup.panel.main',
		'pickup.panel.main',
	]);
	// A bare version hides the panel in newer programs.
	expect(named('Host').map(({ attributes }) => attributes)).toEqual([
		{ Name: 'AEFT', Version: '[18.4,99.9]' },
		{ Name: 'PPRO', Version: '[15.4,99.9]' },
	]);
	expect(named('RequiredRuntime').map(({ attributes }) => attributes)).toEqual([
		{ Name: 'CSXS', Version: '11.0' },
	]);
	// Node is off unless it is asked for, and what would weaken the browser is not.
	expect(textOf('Parameter')).toEqual(['--enable-nodejs', '--mixed-context']);
	expect(textOf('MainPath')).toEqual(['./index.html']);
	for (const path of textOf('Icon')) {
		expect(existsSync(join(folder, path)), path).toBe(true);
	}
});

test.each([
	['panel-dark', 23],
	['panel-light', 23],
	['plugin', 48],
])('the icon %s is %i points, and twice that', async (name, points) => {
	for (const [suffix, scale] of [
		['', 1],
		['@2x', 2],
	] as const) {
		const png = await readFile(join(folder, `icons/${name}${suffix}.png`));
		expect(png.subarray(1, 4).toString()).toBe('PNG');
		expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([points * scale, points * scale]);
	}
});

function elementsIn(element: XmlElement): readonly XmlElement[] {
	const children = element.children.filter((each): each is XmlElement => each.type === 'element');
	return [element, ...children.flatMap(elementsIn)];
}
