import { expect, it } from 'vitest';
import { Exporting, LONGEST_SILENCE } from '../../host-bridge/premiere/exporting.ts';
import { premierePort } from '../../host-bridge/premiere-uxp/port.ts';
import type { Premiere } from '../../host-bridge/premiere-uxp/surroundings.ts';
import { Project } from '../fakes/premiere/model.ts';
import { premiereOver } from '../fakes/premiere/uxp.ts';
import { FILES } from '../fakes/premiere/uxp-runtime.ts';

/** Premiere says that it exports where Media Encoder does it, which tells of its jobs. */

const portOf = (ppro: object) =>
	premierePort({ ppro: ppro as unknown as Premiere, files: FILES as never }, '26.0');

it.each(['complete', 'error', 'cancel'] as const)(
	'the plugin tells of an export until it ends by %s',
	async (ending) => {
		const project = new Project('Film');
		const port = portOf(premiereOver(project));
		expect((await port.state()).busy).toBeNull();
		project.encoderTells('progress');
		expect((await port.state()).busy).toBe('exporting');
		project.encoderTells(ending);
		expect((await port.state()).busy).toBeNull();
	},
);

it('a Premiere that has no such events is never told to export', async () => {
	const { EncoderManager, EventManager, ...older } = premiereOver(new Project('Film'));
	expect((await portOf(older).state()).busy).toBeNull();
});

it('a job that nothing is heard of any more is taken to have ended', () => {
	const exporting = new Exporting();
	expect(exporting.look(0)).toBe(false);
	exporting.progress(1000);
	expect(exporting.look(999 + LONGEST_SILENCE)).toBe(true);
	expect(exporting.look(1000 + LONGEST_SILENCE)).toBe(false);
});
