import type { Project } from './model.ts';

/** A change that was asked for and is done when its transaction is. */
export class Action {
	readonly #lock: number;
	readonly #apply: () => void;
	#isUsed = false;

	constructor(lock: number, apply: () => void) {
		this.#lock = lock;
		this.#apply = apply;
	}

	/** @internal By the transaction alone. */
	static take(action: unknown, lock: number): () => void {
		if (!(action instanceof Action)) throw new Error('Illegal Parameter type');
		if (action.#lock !== lock) throw new Error('The action has left its lock');
		if (action.#isUsed) throw new Error('The action was used before');
		action.#isUsed = true;
		return action.#apply;
	}
}

export class CompoundAction {
	readonly #lock: number;
	readonly #actions: (() => void)[] = [];
	#isOpen = true;

	constructor(lock: number) {
		this.#lock = lock;
	}

	addAction(action: unknown): boolean {
		if (!this.#isOpen) throw new Error('The transaction is over');
		this.#actions.push(Action.take(action, this.#lock));
		return true;
	}

	get empty(): boolean {
		return this.#actions.length === 0;
	}

	/** @internal */
	static close(compound: CompoundAction): readonly (() => void)[] {
		compound.#isOpen = false;
		return compound.#actions;
	}
}

/** The rules of lockedAccess and executeTransaction, over one project. */
export class Locks {
	readonly #project: Project;
	#lock = 0;
	#depth = 0;

	constructor(project: Project) {
		this.#project = project;
	}

	lockedAccess(callback: () => unknown): void {
		if (this.#depth === 0) this.#lock += 1;
		this.#depth += 1;
		try {
			refusePromise(callback());
		} finally {
			this.#depth -= 1;
		}
	}

	/** An action may be made inside of a lock only. */
	action(apply: () => void): Action {
		if (this.#depth === 0) throw new Error('Requires locked access');
		return new Action(this.#lock, apply);
	}

	executeTransaction(callback: (compound: CompoundAction) => unknown, label = ''): boolean {
		if (this.#depth === 0) throw new Error('Requires locked access');
		const compound = new CompoundAction(this.#lock);
		let actions: readonly (() => void)[] = [];
		try {
			refusePromise(callback(compound));
		} finally {
			actions = CompoundAction.close(compound);
		}
		if (this.#project.faults.has('an edit is refused')) return false;
		this.#project.step(label, () => {
			for (const apply of actions) apply();
		});
		return true;
	}
}

function refusePromise(returned: unknown): void {
	// A promise may be of the plugin's own realm.
	if (typeof returned === 'object' && returned !== null && 'then' in returned) {
		throw new Error('The callback must not be asynchronous');
	}
}
