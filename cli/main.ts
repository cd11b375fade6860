#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { systemProblem } from '../files/system-errors.ts';
import { PickupError } from '../protocol/errors.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { openTerminal } from './terminal.ts';
import { addAnimate } from './verbs/animate.ts';
import { addDaemon } from './verbs/daemon.ts';
import { addDoctor } from './verbs/doctor.ts';
import { addExtend } from './verbs/extend.ts';
import { addFill } from './verbs/fill.ts';
import { addGaps } from './verbs/gaps.ts';
import { addInsert } from './verbs/insert.ts';
import { addInstall, addUninstall } from './verbs/install.ts';
import { addJobs } from './verbs/jobs.ts';
import { addModels } from './verbs/models.ts';
import { addOpen } from './verbs/open.ts';
import { addRetake } from './verbs/retake.ts';
import { addSetup } from './verbs/setup.ts';
import { addSoundtrack } from './verbs/soundtrack.ts';
import { VERSION } from './version.ts';

const HELP = `
Examples:
  pickup open cut.xml
  pickup gaps cut.xml
  pickup fill cut.xml --gap 2 --prompt "she crosses the bridge, wind"

Exit codes: 0 done, 1 a defect in Pickup, 2 the request, 3 the timeline, 4 the media,
5 the machine, 6 the engine, 130 interrupted.`;

async function main(argv: readonly string[]): Promise<number> {
	let code: number = EXIT.ok;
	const exit = (value: number) => {
		code = value;
	};
	const program = new Command('pickup')
		.description('Fill a gap in the cut with a generated clip and synced sound.')
		.version(VERSION)
		.addHelpText('after', HELP)
		.exitOverride()
		.configureOutput({ outputError: () => {} });
	for (const add of VERBS) add(program, exit);
	for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
	try {
		await program.parseAsync([...argv]);
		return code;
	} catch (error) {
		return fail(error, argv.includes('--json'));
	}
}

const VERBS = [
	addOpen,
	addGaps,
	addFill,
	addExtend,
	addInsert,
	addRetake,
	addSoundtrack,
	addAnimate,
	addJobs,
	addDaemon,
	addDoctor,
	addInstall,
	addUninstall,
	addModels,
	addSetup,
];

/** Commander throws for --help and --version as well, with exit code 0. */
function fail(error: unknown, json: boolean): number {
	if (error instanceof CommanderError) {
		if (error.exitCode === 0) return EXIT.ok;
		if (error.code === 'commander.help') return EXIT.request;
		const text = error.message.replace(/^error: /, '');
		const problem = new PickupError('usage', text).toProblem();
		openTerminal(json).problem(problem);
		return exitCodeFor(problem);
	}
	const problem = systemProblem(error);
	const terminal = openTerminal(json);
	terminal.problem(problem);
	if (problem.code === 'internal' && error instanceof Error) terminal.note(`${error.stack}`);
	return exitCodeFor(problem);
}

// A reader that has read enough, as `head`, is no defect.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await main(process.argv);
