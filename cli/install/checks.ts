import { readFile } from 'node:fs/promises';
import { sha256Of } from '../../files/sha256.ts';
import type { Check } from '../../protocol/rpc.ts';
import { adobeChecks, isDebugModeOn } from './adobe-checks.ts';
import { isSignature } from './cep.ts';
import { logChecks } from './log-checks.ts';
import type { Machine } from './machine.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { type Put, readReceipt } from './receipt.ts';

/**
 * A line for each editing program on this machine that Pickup can be put into, whether it is and, of an
 * extension, whether it is signed; what Adobe's editors say; and where the logs are.
 */
export async function editorChecks(machine: Machine, version: string): Promise<readonly Check[]> {
	const puts = await readReceipt(machine.state);
	const checks = PROGRAMS.map(async (program) => {
		const { places } = await program.find(machine, 'user');
		const isSeen = (await program.isSeen?.(machine)) ?? true;
		const own = puts.filter((put) => put.program === program.name);
		const missing = places
			.filter(({ folder }) => isSeen && !own.some(({ at }) => at === folder))
			.map(({ of }) => notIn(program, of));
		const there = own.map((put) => checkOf(machine, program, put, version));
		return [...(await Promise.all(there)), ...missing];
	});
	const editors = (await Promise.all(checks)).flat();
	return [...editors, ...(await adobeChecks(machine)), ...(await logChecks(machine))];
}

async function checkOf(
	machine: Machine,
	{ name, isToBeSigned, takes }: Program,
	put: Put,
	version: string,
): Promise<Check> {
	const changed = await Promise.all(
		put.files.map(async ({ path, sha256: hash }) => {
			const there = await readFile(path).catch(() => null);
			return there === null
				? `${path} is gone`
				: sha256Of(there) === hash
					? []
					: `${path} was changed`;
		}),
	);
	const faults = changed.flat();
	if (put.version !== version) faults.unshift(`this is ${version}`);
	const signature = !isToBeSigned
		? null
		: put.files.some(({ path }) => isSignature(path))
			? 'signed'
			: 'not signed';
	const isLoaded = signature !== 'not signed' || (await isDebugModeOn(machine));
	const where = `Pickup ${put.version} in ${put.at}${signature ? `, ${signature}` : ''}`;
	return {
		name: put.of,
		status: faults.length === 0 && isLoaded ? 'ok' : 'warning',
		found: [where, ...faults.slice(0, 1), ...(takes ? [takes] : [])].join('; '),
		action:
			faults.length > 0
				? `Run \`pickup install ${name}\`.`
				: isLoaded
					? null
					: 'It does not load like this: docs/install.md says how it is signed here, and what debug mode is.',
	};
}

function notIn({ name, takes }: Program, of: string): Check {
	const action = `Run \`pickup install ${name}\`.${takes ? ` ${takes}` : ''}`;
	return { name: of, status: 'missing', found: 'Pickup is not in it', action };
}
