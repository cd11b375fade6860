import type { Command } from 'commander';
import { systemProblem } from '../../files/system-errors.ts';
import type { Check } from '../../protocol/rpc.ts';
import { withDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { openTerminal } from '../terminal.ts';

const MARKS = { ok: 'works', warning: 'look', missing: 'missing' } as const;

export function addDoctor(program: Command, exit: (code: number) => void): void {
	program
		.command('doctor')
		.description('say what works on this machine, what does not and what to do')
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExample:\n  pickup doctor')
		.action(async (options: { json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const { checks, code } = await withDaemon({ expectJob: false }, async (client) => ({
				...(await client.call('machine.check', {})),
				code: EXIT.ok as number,
			})).catch(withoutDaemon);
			terminal.table(
				['What', '', 'Found'],
				checks.map((check) => [check.name, MARKS[check.status], check.found]),
			);
			for (const check of checks) {
				if (check.status !== 'ok' && check.action) terminal.line(`${check.name}: ${check.action}`);
			}
			terminal.result({ checks });
			exit(code);
		});
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
