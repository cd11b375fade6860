import { createInterface } from 'node:readline/promises';

/** Whether somebody sits there who can be asked. */
export function canAsk(): boolean {
	return process.stdin.isTTY === true;
}

/** An answer from the terminal; empty where the input ends. Throws the signal's reason. */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
	const lines = createInterface({ input: process.stdin, output: process.stderr });
	try {
		const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
		return (await Promise.race([lines.question(question, { signal }), ended])).trim();
	} finally {
		lines.close();
	}
}
