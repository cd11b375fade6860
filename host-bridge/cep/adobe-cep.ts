/**
 * What CEP gives a page of an extension, as its cookbook for CEP 12 has it; as much as is used. There
 * are no typings of it: `@adobe/cep-types` does not exist.
 */
export type AdobeCep = {
	/** The answer comes by the callback alone, which has to be given. */
	evalScript(script: string, callback: (answer: string) => void): void;
	/** JSON of a `HostEnvironment`. */
	getHostEnvironment(): string;
	/** As an address (`file:///…`), or on some systems as a path. */
	getSystemPath(of: 'extension'): string;
};

export type HostEnvironment = {
	/** `AEFT`, `PPRO`. */
	readonly appId: string;
	/** As `25.1.0`. */
	readonly appVersion: string;
	/** As `en_US`. */
	readonly appLocale: string;
};

/** What comes back where a script cannot be run: what it throws itself is never told. */
export const EVAL_ERROR = 'EvalScript error.';
