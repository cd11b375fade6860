import type { Command } from 'commander';
import { pathFrom } from '../../files/folders.ts';
import { systemProblem } from '../../files/system-errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { problemOf } from '../../protocol/errors.ts';
import type { Check } from '../../protocol/rpc.ts';
import { withDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { editorChecks } from '../install/checks.ts';
import { type Machine, thisMachine } from '../install/machine.ts';
import { openTerminal } from '../terminal.ts';
import { VERSION } from '../version.ts';

const MARKS = { ok: 'works', warning: 'look', missing: 'missing' } as const;

export function addDoctor(program: Command, exit: (code: number) => void): void {
	program
		.command('doctor')
		.description('say what works on this machine, what does not and what to do')
		.option('--report <file>', 'write it to a new file too, to send to somebody')
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			'\nExamples:\n  pickup doctor\n  pickup doctor --report pickup-report.txt',
		)
		.action(async (options: { json?: boolean; report?: string }) => {
			const terminal = openTerminal(options.json === true);
			const machine = thisMachine();
			const [{ checks: found, code }, editors] = await Promise.all([
				withDaemon({ expectJob: false }, async (client) => ({
					...(await client.call('machine.check', {})),
					code: EXIT.ok as number,
				})).catch(withoutDaemon),
				editorChecks(machine, VERSION).catch(notKnown),
			]);
			const checks = [...found, ...editors];
			terminal.table(
				['What', '', 'Found'],
				checks.map((check) => [check.name, MARKS[check.status], check.found]),
			);
			for (const check of checks) {
				if (check.status !== 'ok' && check.action) terminal.line(`${check.name}: ${check.action}`);
			}
			terminal.result({ checks });
			if (options.report !== undefined) {
				const path = pathFrom(options.report);
				await writeWhole(path, reportOf(checks, machine), { taken: 'refuse' });
				terminal.note(`Written to ${path}: look at it before you send it.`);
			}
			exit(code);
		});
}

/** What is installed where cannot be read: the daemon's line says what is wrong with the folder. */
function notKnown(error: unknown): readonly Check[] {
	const { message, action } = problemOf(error);
	return [{ name: 'editors', status: 'warning', found: message, action }];
}

/** Versions and what works: nothing of what was made, of what, or for which film; no name of a person. */
function reportOf(checks: readonly Check[], { home }: Machine): string {
	const lines = checks.map(({ name, status, found, action }) =>
		[`${MARKS[status].padEnd(8)}${name}: ${found}`, ...(action ? [`        ${action}`] : [])].join(
			'\n',
		),
	);
	const text = [`Pickup ${VERSION}, ${new Date().toISOString()}`, '', ...lines, ''].join('\n');
	return text.replaceAll(home, '~');
}

/** Where the machine lets no daemon run, that is what there is to say. */
function withoutDaemon(error: unknown): {
	readonly checks: readonly Check[];
	readonly code: number;
} {
	const { fault, message, action } = systemProblem(error);
	if (fault !== 'machine') throw error;
	const checks = [{ name: 'daemon', status: 'missing', found: message, action }] as const;
	return { checks, code: EXIT.machine };
}
