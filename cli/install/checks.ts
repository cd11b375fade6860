import { readFile } from 'node:fs/promises';
import { sha256Of } from '../../files/sha256.ts';
import type { Check } from '../../protocol/rpc.ts';
import { isSignature } from './cep.ts';
import type { Machine } from './machine.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { type Put, readReceipt } from './receipt.ts';

/** A line for each editing program on this machine that Pickup can be put into: whether it is. */
export async function editorChecks(machine: Machine, version: string): Promise<readonly Check[]> {
	const puts = await readReceipt(machine.state);
	const checks = PROGRAMS.map(async (program) => {
		const { places } = await program.find(machine, 'user');
		const isSeen = (await program.isSeen?.(machine)) ?? true;
		const own = puts.filter((put) => put.program === program.name);
		const missing = places
			.filter(({ folder }) => isSeen && !own.some(({ at }) => at === folder))
			.map(({ of }) => notIn(program, of));
		return [...(await Promise.all(own.map((put) => checkOf(program, put, version)))), ...missing];
	});
	return (await Promise.all(checks)).flat();
}

async function checkOf({ name, isToBeSigned }: Program, put: Put, version: string): Promise<Check> {
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
	const isUnsigned = isToBeSigned === true && !put.files.some(({ path }) => isSignature(path));
	if (isUnsigned) faults.push('it is not signed');
	const action =
		faults[0] === 'it is not signed'
			? 'Have Adobe’s ZXPSignCmd sign it, or switch on the debug mode for extensions: docs/install.md says how.'
			: `Run \`pickup install ${name}\`.`;
	return {
		name: put.of,
		status: faults.length === 0 ? 'ok' : 'warning',
		found: [`Pickup ${put.version} in ${put.at}`, ...faults.slice(0, 1)].join('; '),
		action: faults.length === 0 ? null : action,
	};
}

function notIn({ name }: Program, of: string): Check {
	const action = `Run \`pickup install ${name}\`.`;
	return { name: of, status: 'missing', found: 'Pickup is not in it', action };
}
