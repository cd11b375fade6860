import { jsonOf } from './json.ts';

/** What a script does when it is asked, by name. What is given and given back is plain data. */
export type Calls = { [call: string]: (given: never) => unknown };

/** As protocol/errors.ts has it; `code` is one of those there. */
export type ScriptProblem = { code: string; message: string; field?: string; action?: string };

/**
 * Makes the calls reachable for the panel as `NAME("call", given, "/file/for/the/answer")`, which
 * gives the answer as JSON: `{"result": …}` or `{"problem": …}`. The answer is written to the file
 * as well where one is named: on some machines what a script gives back never arrives.
 */
export function publish(name: string, calls: Calls): void {
	$.global[name] = (call: string, given: unknown, file?: string): string => {
		const text = answerOf(calls, call, given);
		if (file !== undefined) writeText(file, text);
		return text;
	};
}

/** To be thrown: an error that says what a person can do. */
export function problem(code: string, message: string, action?: string): ScriptProblem {
	return action === undefined ? { code, message } : { code, message, action };
}

function answerOf(calls: Calls, call: string, given: unknown): string {
	try {
		const does = calls[call] as ((given: unknown) => unknown) | undefined;
		if (does === undefined) throw problem('no-such-method', `There is no ${call} in this script`);
		return jsonOf({ result: does(given) });
	} catch (error) {
		return jsonOf({ problem: problemOf(error) });
	}
}

function problemOf(thrown: unknown): ScriptProblem {
	const known = thrown as ScriptProblem;
	if (typeof known.code === 'string') return known;
	const { message, line } = thrown as { message: string; line?: number };
	return { code: 'host-refused', message: `${message}${line === undefined ? '' : ` (${line})`}` };
}

function writeText(path: string, text: string): void {
	const file = new File(path);
	file.encoding = 'UTF-8';
	// Scripts may not be allowed to write files; then the answer is the one that was given back.
	if (!file.open('w')) return;
	file.write(text);
	file.close();
}
