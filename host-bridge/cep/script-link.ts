import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ERROR_CODES, type ErrorCode, PickupError } from '../../protocol/errors.ts';
import { type AdobeCep, EVAL_ERROR } from './adobe-cep.ts';

/** A script's calls, as `publish` in ../extendscript/ takes them. */
type Calls = { readonly [call: string]: (given: never) => unknown };

type Given<C extends Calls, K extends keyof C> = Parameters<C[K]>[0];

export type ScriptOptions = {
	readonly cep: Pick<AdobeCep, 'evalScript'>;
	/** The editor, as people call it. */
	readonly program: string;
	/** The script's file, and what it publishes its calls as. */
	readonly script: string;
	readonly name: string;
	/** How long an answer is waited for, in ms. */
	readonly patience?: number;
};

/** What an editor is by its script. */
export type ScriptedOptions<C extends Calls> = {
	readonly script: Pick<ScriptLink<C>, 'call'>;
	/** As the editor says it, `25.1.0`. */
	readonly version: string;
	/** After how long without an answer it is taken to show a dialog, in ms. */
	readonly dialogAfter?: number;
};

/** Which way answers come: by the callback, or by a file where the callback stays empty. */
export type Way = 'callback' | 'file';

/** As long as the daemon waits for an edit; an editor that shows a dialog answers after it. */
const PATIENCE = 110_000;

/** A script in an editor, loaded once and then asked by short calls. */
export class ScriptLink<C extends Calls> {
	readonly #options: ScriptOptions;
	#loaded: Promise<void> | null = null;
	#way: Way = 'callback';
	#folder: Promise<string> | null = null;
	#count = 0;

	constructor(options: ScriptOptions) {
		this.#options = options;
	}

	get way(): Way {
		return this.#way;
	}

	/**
	 * Throws PickupError: what the script says, `host-silent` where no answer comes, `host-refused`
	 * where it cannot be run. A call may be done twice where its first answer stayed away.
	 */
	async call<K extends keyof C & string>(
		name: K,
		given: Given<C, K>,
		patience?: number,
	): Promise<ReturnType<C[K]>> {
		this.#loaded ??= this.#load();
		try {
			await this.#loaded;
		} catch (error) {
			this.#loaded = null;
			throw error;
		}
		const text = await this.#answer(`${asScript(name)},${asScript(given)}`, patience);
		return parsed(text, this.#options.program) as ReturnType<C[K]>;
	}

	/** A call that is still on its way may write its answer meanwhile. */
	async end(): Promise<void> {
		if (this.#folder)
			await rm(await this.#folder, { recursive: true, force: true, maxRetries: 10 });
	}

	async #load(): Promise<void> {
		await this.#evaluate(`$.evalFile(File(${asScript(this.#options.script)}));"loaded"`);
	}

	async #answer(given: string, patience?: number): Promise<string> {
		const { name, program } = this.#options;
		if (this.#way === 'callback') {
			const text = await this.#evaluate(`${name}(${given})`, patience);
			if (text !== '') return text;
			this.#way = 'file';
		}
		this.#folder ??= mkdtemp(join(tmpdir(), 'pickup-cep-'));
		this.#count += 1;
		const path = join(await this.#folder, `answer-${this.#count}.json`);
		const text = await this.#evaluate(`${name}(${given},${asScript(path)})`, patience);
		if (text !== '') {
			this.#way = 'callback';
			await rm(path, { force: true });
			return text;
		}
		const written = await readFile(path, 'utf8').catch(() => null);
		await rm(path, { force: true });
		if (written !== null && written !== '') return written;
		throw new PickupError(
			'host-refused',
			`${program} runs scripts, and none of their answers arrive`,
			{
				field: 'host',
				action: `Let scripts write files (in After Effects: Preferences › Scripting & Expressions), or restart ${program}.`,
			},
		);
	}

	#evaluate(script: string, patience = this.#options.patience ?? PATIENCE): Promise<string> {
		const { cep, program } = this.#options;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				reject(new PickupError('host-silent', `${program} does not answer`, { field: 'host' }));
			}, patience);
			cep.evalScript(script, (answer) => {
				clearTimeout(timer);
				if (answer !== EVAL_ERROR) return resolve(answer);
				const message = `${program} could not run the script just now`;
				reject(new PickupError('host-refused', message, { field: 'host' }));
			});
		});
	}
}

/** JSON is an expression in a script as well where nothing but ASCII is in it. */
export function asScript(value: unknown): string {
	return JSON.stringify(value).replace(
		/[\u007f-\uffff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
}

type Answer = {
	readonly result?: unknown;
	readonly problem?: {
		readonly code: string;
		readonly message: string;
		readonly field?: string;
		readonly action?: string;
	};
};

function parsed(text: string, program: string): unknown {
	let answer: Answer;
	try {
		answer = JSON.parse(text) as Answer;
	} catch {
		const message = `Expected an answer of the script, ${program} gave ${text.slice(0, 80)}`;
		throw new PickupError('host-refused', message, { field: 'host' });
	}
	if (!answer.problem) return answer.result;
	const { code, message, field, action } = answer.problem;
	const isKnown = (ERROR_CODES as readonly string[]).includes(code);
	throw new PickupError(isKnown ? (code as ErrorCode) : 'host-refused', message, { field, action });
}
