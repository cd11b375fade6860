import { type Command, InvalidArgumentError, Option } from 'commander';
import { codecSchema } from '../protocol/generation.ts';
import { addEngineOptions } from './engine-options.ts';

/** Adds what every verb that makes a clip takes. */
export function addShotOptions(command: Command): Command {
	command
		.argument('<timeline>', 'FCP 7 XML, .otio, or a Kdenlive/MLT project')
		.option('--prompt <text>', 'what the shot shows and sounds like', '')
		.option('--negative <text>', 'what it must not show')
		.option('--engine <name>', 'which engine makes it', 'auto')
		.option('--seed <number>', 'the same seed makes the same clip; random if not given', seed)
		.option('--takes <number>', 'how many versions; those after the first go above', takes, 1)
		.addOption(
			new Option('--codec <name>', 'codec of the new clip')
				.choices(codecSchema.options)
				.default('h264-intra'),
		)
		.option('--sequence <name>', 'which sequence, where the file has several')
		.option('-o, --output <folder>', 'gets the new timeline and media/; default: beside the old')
		.option('--plan', 'say what would be made and how, and end there')
		.option('--json', 'print JSON');
	return addEngineOptions(command);
}

function seed(text: string): number {
	const value = Number(text);
	if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
	throw new InvalidArgumentError('Expected a whole number from 0 to 2^53 − 1.');
}

function takes(text: string): number {
	if (/^([1-9]|[1-4]\d|50)$/.test(text)) return Number(text);
	throw new InvalidArgumentError('Expected a whole number from 1 to 50.');
}
