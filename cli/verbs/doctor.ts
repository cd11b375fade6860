import type { Command } from 'commander';
import { connectToDaemon } from '../daemon-link.ts';
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
			const client = await connectToDaemon({ expectJob: false });
			try {
				const { checks } = await client.call('machine.check', {});
				terminal.table(
					['What', '', 'Found'],
					checks.map((check) => [check.name, MARKS[check.status], check.found]),
				);
				for (const check of checks) {
					if (check.status !== 'ok' && check.action)
						terminal.line(`${check.name}: ${check.action}`);
				}
				terminal.result({ checks });
			} finally {
				client.close();
			}
			exit(EXIT.ok);
		});
}
