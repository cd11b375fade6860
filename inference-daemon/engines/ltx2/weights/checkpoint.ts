import { PickupError } from '../../../../protocol/errors.ts';
import { readSafetensors, type Safetensors, type Tensor } from './safetensors.ts';

/** A low-rank change of one matrix: W + strength · B · A (LoRA, arXiv 2106.09685; no alpha factor). */
export type LowRank = {
	/** [rank, in] */
	readonly a: Tensor;
	/** [out, rank] */
	readonly b: Tensor;
	readonly strength: number;
};

/** Weights under a prefix of names. */
export class Weights {
	readonly checkpoint: Checkpoint;
	readonly prefix: string;

	constructor(checkpoint: Checkpoint, prefix = '') {
		this.checkpoint = checkpoint;
		this.prefix = prefix;
	}

	at(name: string | number): Weights {
		return new Weights(this.checkpoint, this.nameOf(String(name)));
	}

	nameOf(name: string): string {
		return this.prefix === '' ? name : `${this.prefix}.${name}`;
	}

	has(name: string): boolean {
		return this.checkpoint.find(this.nameOf(name)) !== null;
	}

	/**
	 * The tensor of that name. Where it is missing or has another shape the checkpoint remembers
	 * that, to be told with all others, and null is given.
	 */
	tensor(name: string, shape: readonly number[]): Tensor | null {
		return this.checkpoint.take(this.nameOf(name), shape);
	}

	/** How LoRAs change the matrix of that name. */
	lowRanks(name: string): readonly LowRank[] {
		return this.checkpoint.lowRanks(this.nameOf(name));
	}
}

export type Problems = {
	readonly missing: readonly string[];
	readonly misshapen: readonly {
		readonly name: string;
		readonly expected: readonly number[];
		readonly got: readonly number[];
	}[];
};

/** The tensors of one or more files under one roof of names. */
export class Checkpoint {
	readonly files: readonly Safetensors[];
	readonly #tensors = new Map<string, Tensor>();
	readonly #used = new Set<string>();
	readonly #missing = new Set<string>();
	readonly #misshapen = new Map<
		string,
		{ name: string; expected: readonly number[]; got: readonly number[] }
	>();

	constructor(files: readonly Safetensors[]) {
		this.files = files;
		for (const file of files) {
			for (const [name, tensor] of file.tensors) this.#tensors.set(name, tensor);
		}
	}

	static async open(...paths: readonly string[]): Promise<Checkpoint> {
		return new Checkpoint(await Promise.all(paths.map((path) => readSafetensors(path))));
	}

	/** The `config` of the first file that has one, parsed. */
	get config(): Record<string, unknown> {
		const text = this.files.map(({ metadata }) => metadata.config).find((config) => config);
		return text === undefined ? {} : (JSON.parse(text) as Record<string, unknown>);
	}

	get root(): Weights {
		return new Weights(this);
	}

	at(prefix: string): Weights {
		return new Weights(this, prefix);
	}

	find(name: string): Tensor | null {
		return this.#tensors.get(name) ?? null;
	}

	names(): Iterable<string> {
		return this.#tensors.keys();
	}

	take(name: string, shape: readonly number[]): Tensor | null {
		const tensor = this.find(name);
		if (tensor === null) {
			this.#missing.add(name);
			return null;
		}
		this.#used.add(name);
		if (tensor.shape.length === shape.length && tensor.shape.every((n, i) => n === shape[i])) {
			return tensor;
		}
		this.#misshapen.set(name, { name, expected: shape, got: tensor.shape });
		return null;
	}

	lowRanks(_name: string): readonly LowRank[] {
		return [];
	}

	problems(): Problems {
		return { missing: [...this.#missing], misshapen: [...this.#misshapen.values()] };
	}

	unused(): readonly string[] {
		return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
	}

	/** Throws PickupError `bad-weights` that names every tensor that is missing or misshapen. */
	check(): void {
		const { missing, misshapen } = this.problems();
		const said = [
			...missing.map((name) => `no ${name}`),
			...misshapen.map(({ name, expected, got }) => `${name} is [${got}], expected [${expected}]`),
		];
		if (said.length === 0) return;
		const where = this.files.map(({ path }) => path).join(', ');
		throw new PickupError(
			'bad-weights',
			`Expected a whole checkpoint in ${where}: ${said.join('; ')}`,
		);
	}
}
