import { MultiBar, type SingleBar } from 'cli-progress';
import type { Problem } from '../protocol/errors.ts';
import { printable } from '../protocol/printable.ts';
import { formatTable } from './table.ts';

/** Where a verb writes. stdout carries results, stderr everything about getting there. */
export type Terminal = {
	readonly json: boolean;
	/** A sentence of result; nothing in JSON mode. */
	line(text: string): void;
	/** A sentence on the way; nothing in JSON mode. */
	note(text: string): void;
	table(head: readonly string[], rows: readonly (readonly string[])[]): void;
	/** The whole result of the verb; only in JSON mode. */
	result(value: unknown): void;
	problem(problem: Problem): void;
	progress(): Progress;
};

/** Bars on a terminal, a plain line at every quarter in a pipe, nothing in JSON mode. */
export type Progress = {
	update(name: string, fraction: number, phase: string): void;
	/** What is to be known at once, as far as it has come. */
	say(name: string, text: string): void;
	stop(): void;
};

export function openTerminal(
	json: boolean,
	out: NodeJS.WriteStream = process.stdout,
	err: NodeJS.WriteStream = process.stderr,
): Terminal {
	const say = (stream: NodeJS.WriteStream, text: string) => stream.write(`${printable(text)}\n`);
	return {
		json,
		line: (text) => void (json || say(out, text)),
		note: (text) => void (json || say(err, text)),
		table: (head, rows) => void (json || say(out, tableOf(head, rows))),
		result: (value) => void (json && say(out, JSON.stringify(value, null, 2))),
		problem: (problem) => {
			if (json) say(out, JSON.stringify({ error: problem }, null, 2));
			else say(err, `${problem.message}\n${problem.action}`);
		},
		progress: () => (json ? silence : err.isTTY ? bars(err) : plainLines((text) => say(err, text))),
	};
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const lines = rows.map((row) => row.map(onOneLine));
	return formatTable(head, lines);
}

/** What a name may hold beside letters must not break a row or a bar. */
function onOneLine(text: string): string {
	return printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

const silence: Progress = { update: () => {}, say: () => {}, stop: () => {} };

function bars(stream: NodeJS.WriteStream): Progress {
	const multi = new MultiBar({
		stream,
		format: '{name} {bar} {percentage} %  {phase}',
		hideCursor: true,
		clearOnComplete: false,
	});
	const byName = new Map<string, SingleBar>();
	return {
		update(name, fraction, phaseTold) {
			const phase = onOneLine(phaseTold);
			const bar = byName.get(name) ?? multi.create(100, 0, { name, phase });
			byName.set(name, bar);
			bar.update(Math.round(fraction * 100), { name, phase });
		},
		say: (name, text) => byName.get(name)?.update({ name, phase: onOneLine(text) }),
		stop: () => multi.stop(),
	};
}

function plainLines(say: (text: string) => void): Progress {
	const told = new Map<string, number>();
	return {
		update(name, fraction, phase) {
			const quarter = Math.floor(fraction * 4);
			if (quarter <= (told.get(name) ?? -1)) return;
			told.set(name, quarter);
			say(`${name}: ${quarter * 25} % ${phase}`);
		},
		say: (name, text) => say(`${name}: ${text}`),
		stop: () => {},
	};
}
