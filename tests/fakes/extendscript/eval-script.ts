import { readFileSync } from 'node:fs';
import { openEngine, type ScriptEngine } from './engine.ts';

/** An editor's script engine, as the panel of an extension reaches it. */
export class EvalScript {
	readonly engine: ScriptEngine;
	/** What was thrown out of scripts, of which a panel learns nothing. */
	readonly errors: string[] = [];
	readonly #staysEmpty: () => boolean;
	/** A dialog is open: no script runs until it is closed. */
	#dialog: (() => void)[] | null = null;

	/** `staysEmpty` is asked at every answer whether the callback gets none. */
	constructor(staysEmpty: () => boolean) {
		const engine = openEngine();
		engine.global.$ = {
			global: engine.global,
			evalFile: (file: { fsName: string }) =>
				engine.run(readFileSync(file.fsName, 'utf8'), file.fsName),
		};
		this.engine = engine;
		this.#staysEmpty = staysEmpty;
	}

	/** As `window.__adobe_cep__`. */
	readonly cep = {
		evalScript: (script: string, callback: (answer: string) => void): void => {
			const run = () => {
				let answer: string;
				try {
					answer = String(this.engine.run(script));
				} catch (error) {
					this.errors.push(String((error as Error).stack));
					answer = 'EvalScript error.';
				}
				callback(this.#staysEmpty() ? '' : answer);
			};
			setImmediate(() => (this.#dialog ? this.#dialog.push(run) : run()));
		},
	};

	/** A dialog opens; what this gives back closes it. */
	openDialog(): () => void {
		this.#dialog = [];
		return () => {
			const waiting = this.#dialog ?? [];
			this.#dialog = null;
			for (const run of waiting) run();
		};
	}

	/** An array of the scripts' own world. */
	array(values: readonly unknown[]): unknown[] {
		const made = this.engine.run('[]') as unknown[];
		for (const value of values) made.push(value);
		return made;
	}
}
