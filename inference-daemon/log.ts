import { appendFileSync, renameSync, statSync } from 'node:fs';
import { printable } from '../protocol/printable.ts';

export type Log = { readonly info: (text: string) => void; readonly error: (text: string) => void };

/** Bytes after which the log starts anew; the one before is kept as `<path>.1`. */
const CAP = 2_000_000;

/** One line per entry: time, level, text. A log that cannot be written stops nobody's work. */
export function openLog(path: string, cap = CAP): Log {
	const write = (level: string, text: string) => {
		try {
			if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > cap)
				renameSync(path, `${path}.1`);
			const line = printable(text).replaceAll('\n', '\n\t');
			appendFileSync(path, `${new Date().toISOString()} ${level} ${line}\n`, { mode: 0o600 });
		} catch {}
	};
	return {
		info: (text) => write('info', text),
		error: (text) => write('error', text),
	};
}
