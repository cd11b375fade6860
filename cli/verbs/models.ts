import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { WeightsDescription, WeightsFile } from '../../protocol/models.ts';
import { withDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { openTerminal, type Terminal } from '../terminal.ts';
import { addModelsPrepare } from './models-prepare.ts';

export function addModels(program: Command, exit: (code: number) => void): void {
	const models = program
		.command('models')
		.description('look at files with weights, and prepare them');
	models
		.command('inspect')
		.description('say what files with weights hold, and what is missing for a complete engine')
		.argument('<file...>', '.safetensors, or the .safetensors.index.json of one in parts')
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExample:\n  pickup models inspect ltx-2-19b-dev.safetensors')
		.action(async (paths: readonly string[], options: { json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const files = paths.map((path) => resolve(path));
			const description = await withDaemon({ expectJob: false }, (client) =>
				client.call('models.inspect', { paths: files }),
			);
			for (const file of description.files) showFile(terminal, file);
			showTogether(terminal, description);
			terminal.result(description);
			exit(EXIT.ok);
		});
	addModelsPrepare(models, exit);
}

function showFile(terminal: Terminal, file: WeightsFile): void {
	const { families, variant, version, licence } = file;
	terminal.line(file.path);
	terminal.line(`  Family: ${familyOf(families)}${variant === 'unknown' ? '' : `, ${variant}`}`);
	if (version !== null) terminal.line(`  Version: ${version}`);
	terminal.line(`  Licence: ${licence ?? 'not told in the file'}`);
	terminal.line('');
	terminal.table(
		['Part', 'Kind', 'Tensors', 'Parameters', 'Bytes'],
		file.parts.map((part) => [part.part, part.kind, ...rowOf(part)]),
	);
	terminal.line('');
}

function showTogether(terminal: Terminal, description: WeightsDescription): void {
	const { files, families, missing, problems } = description;
	const [tensors, parameters, bytes] = rowOf(description);
	const what = files.length === 1 ? 'In all' : `All ${files.length} files, ${familyOf(families)}`;
	terminal.line(`${what}: ${tensors} tensors, ${parameters} parameters; ${bytes}`);
	if (missing.length > 0) terminal.line(`Missing for a complete engine: ${missing.join(', ')}`);
	else if (problems.length === 0) terminal.line('Nothing is missing for a complete engine.');
	for (const problem of problems) terminal.line(`Problem: ${problem}`);
}

function familyOf(families: readonly string[]): string {
	return families.join(' or ') || 'of different models';
}

function rowOf({
	tensors,
	parameters,
	bytes,
}: Pick<WeightsFile, 'tensors' | 'parameters' | 'bytes'>): [string, string, string] {
	const each = Object.entries(bytes).map(([type, count]) => `${type} ${grouped(count)}`);
	return [grouped(tensors), grouped(parameters), each.join(', ')];
}

/** 43284455114 as 43,284,455,114. */
function grouped(count: number): string {
	return count.toLocaleString('en-US');
}
