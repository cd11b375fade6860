import { EvalScript } from '../extendscript/eval-script.ts';
import { fileFace } from '../extendscript/file.ts';
import type { Project } from './model.ts';
import { domOf } from './script-dom.ts';

/** Premiere as scripts and the panel of an extension meet it, over the model of one project. */
export class ScriptedPremiere {
	readonly project: Project;
	readonly #scripts: EvalScript;
	/** As `window.__adobe_cep__`. */
	readonly cep: EvalScript['cep'];

	constructor(project: Project) {
		this.project = project;
		this.#scripts = new EvalScript(() => project.faults.has('answers stay empty'));
		this.cep = this.#scripts.cep;
		const { global } = this.#scripts.engine;
		Object.assign(global, { File: fileFace(() => true), ...domOf(project, this.#scripts) });
	}

	/** What was thrown out of scripts, of which a panel learns nothing. */
	get errors(): readonly string[] {
		return this.#scripts.errors;
	}

	/** A dialog opens; what this gives back closes it. */
	openDialog(): () => void {
		return this.#scripts.openDialog();
	}
}
