import { PickupError } from '../../../../protocol/errors.ts';
import { listed } from '../../../../protocol/listing.ts';
import { reasonUnused } from './known-unused.ts';
import { type Lora, type LowRank, lowRanksOf } from './lora.ts';
import { wholeName } from './names.ts';
import {
	isScale,
	misshapenScales,
	type Stored,
	type StoredInt8,
	shapeOf,
	storedAs,
} from './quantise.ts';
import { broken, type Safetensors, type Tensor } from './safetensors.ts';
import { isRecord, readWeights } from './shards.ts';

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
	 * The tensor of that name whose numbers, however they are stored, have that shape. Where it is
	 * missing or does not fit the checkpoint remembers that, to be told with all others, and null is
	 * given.
	 */
	stored(name: string, shape: readonly number[]): Stored | null {
		return this.checkpoint.take(this.nameOf(name), shape);
	}

	/** As `stored`, but in int8 where it has been prepared. */
	int8(name: string, shape: readonly number[]): Stored | StoredInt8 | null {
		const stored = this.stored(name, shape);
		return stored && (this.checkpoint.prepared?.find(this.nameOf(name)) ?? stored);
	}

	/** As `stored`, for what is read as it lies in the file: scaled formats are not supported there. */
	tensor(name: string, shape: readonly number[]): Tensor | null {
		const stored = this.stored(name, shape);
		if (stored === null || stored.kind === 'plain') return stored?.tensor ?? null;
		this.checkpoint.refuse(this.nameOf(name), stored.tensor);
		return null;
	}

	/** How LoRAs change the matrix of that name. */
	lowRanks(name: string): readonly LowRank[] {
		return this.checkpoint.lowRanks(this.nameOf(name));
	}
}

export type Misshapen = {
	readonly name: string;
	readonly expected: readonly number[];
	readonly got: readonly number[];
};

/** What the graphs built so far did not find, by full names. */
export type Problems = {
	readonly missing: readonly string[];
	readonly misshapen: readonly Misshapen[];
	/** Stored in a format that is not supported. */
	readonly unsupported: readonly string[];
};

/**
 * The tensors of one or more files under one roof of names, those of a whole checkpoint
 * (`vae.encoder.…` also where a file of the VAE alone says `encoder.…`).
 */
export class Checkpoint {
	readonly files: readonly Safetensors[];
	readonly #loras: readonly Lora[];
	readonly #tensors: ReadonlyMap<string, Tensor>;
	readonly #lowRanks: ReadonlyMap<string, readonly LowRank[]>;
	readonly #used = new Set<string>();
	readonly #changeable = new Set<string>();
	readonly #missing = new Set<string>();
	readonly #misshapen = new Map<string, Misshapen>();
	readonly #unsupported = new Map<string, Tensor>();
	#config: Record<string, unknown> | null = null;
	/** Its matrices in int8, where they have been prepared. */
	prepared: { find(name: string): StoredInt8 | null } | null = null;

	/** Throws PickupError `bad-weights` where two files differ about a tensor, or a LoRA does not fit. */
	constructor(files: readonly Safetensors[], loras: readonly Lora[] = []) {
		this.files = files;
		this.#loras = loras;
		this.#tensors = gather(files);
		this.#lowRanks = lowRanksOf(loras, (name) => this.shape(name));
	}

	/** Reads the headers of files or of indexes of files in parts. Throws PickupError `bad-weights`. */
	static async open(...paths: readonly string[]): Promise<Checkpoint> {
		return new Checkpoint(await Promise.all(paths.map((path) => readWeights(path))));
	}

	/** The same weights, changed by these LoRAs too; nothing of it is used yet. */
	withLoras(loras: readonly Lora[]): Checkpoint {
		const changed = new Checkpoint(this.files, [...this.#loras, ...loras]);
		changed.prepared = this.prepared;
		return changed;
	}

	/**
	 * The `config` of the metadata. Of several files each tells about the parts that it holds.
	 * Throws PickupError `bad-weights`.
	 */
	get config(): Record<string, unknown> {
		this.#config ??= mergedConfig(this.files);
		return this.#config;
	}

	/** `model_version` of the metadata; the first LTX-2 had none. */
	get version(): string | null {
		return this.files.map(({ metadata }) => metadata.model_version).find(Boolean) ?? null;
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

	/** The shape of the numbers, however they are stored; null where there are none. */
	shape(name: string): readonly number[] | null {
		const tensor = this.find(name);
		const stored = tensor && storedAs(tensor, name, (other) => this.find(other));
		return stored && shapeOf(stored);
	}

	/** By their names in a whole checkpoint. */
	get tensors(): ReadonlyMap<string, Tensor> {
		return this.#tensors;
	}

	names(): Iterable<string> {
		return this.#tensors.keys();
	}

	take(name: string, shape: readonly number[]): Stored | null {
		const tensor = this.find(name);
		if (tensor === null) {
			this.#missing.add(name);
			return null;
		}
		this.#used.add(name);
		const stored = storedAs(tensor, name, (other) => this.find(other));
		if (stored === null) {
			this.refuse(name, tensor);
			return null;
		}
		const got = shapeOf(stored);
		if (got.join() !== shape.join()) {
			this.#misshapen.set(name, { name, expected: shape, got });
			return null;
		}
		const scales = misshapenScales(stored, shape);
		for (const { tensor: scale, expected } of scales) {
			this.#misshapen.set(scale.name, { name: scale.name, expected, got: scale.shape });
		}
		return scales.length === 0 ? stored : null;
	}

	/** Remembers that the tensor is stored in a way that its network cannot use. */
	refuse(name: string, tensor: Tensor): void {
		this.#unsupported.set(name, tensor);
	}

	lowRanks(name: string): readonly LowRank[] {
		this.#changeable.add(name);
		const changes = this.#lowRanks.get(name) ?? [];
		for (const { a, b } of changes) this.#used.add(a.name).add(b.name);
		return changes;
	}

	/** Names of the matrices for which graphs have asked how LoRAs change them. */
	get changeable(): ReadonlySet<string> {
		return this.#changeable;
	}

	/** Names of the matrices that these LoRAs change. */
	get changed(): readonly string[] {
		return [...this.#lowRanks.keys()];
	}

	problems(): Problems {
		return {
			missing: [...this.#missing],
			misshapen: [...this.#misshapen.values()],
			unsupported: [...this.#unsupported.keys()],
		};
	}

	/**
	 * Tensors that no graph has taken so far, those of LoRAs included. Scales count with what they
	 * scale. `reasonUnused` tells which of them nothing will take.
	 */
	unused(): readonly string[] {
		const changes = [...this.#lowRanks.values()].flat().flatMap(({ a, b }) => [a.name, b.name]);
		const scaled = (name: string) => name.replace(/[^.]*$/, 'weight');
		return [...new Set([...this.#tensors.keys(), ...changes])].filter((name) => {
			const by = isScale(name) && this.#tensors.has(scaled(name)) ? scaled(name) : name;
			return !this.#used.has(by);
		});
	}

	/** Throws PickupError `bad-weights` that names every tensor that is missing or does not fit. */
	check(): void {
		const { missing, misshapen } = this.problems();
		const said = [
			...missing.map((name) => `no ${name}`),
			...misshapen.map(({ name, expected, got }) => `${name} is [${got}], expected [${expected}]`),
			...[...this.#unsupported].slice(0, NAMED).map(([name, { type }]) => {
				const beside = this.#beside(name).join(', ');
				return `${name} is in a ${type} format of its own${beside && ` (with ${beside})`}`;
			}),
		];
		const more = this.#unsupported.size - NAMED;
		if (more > 0) said.push(`and ${more} more in such formats`);
		if (said.length === 0) return;
		const where = this.files.map(({ path }) => path).join(', ');
		throw new PickupError(
			'bad-weights',
			`Expected a whole checkpoint in ${where}: ${listed(said)}`,
		);
	}

	/** What else the file has about the matrix of that name, which tells the format. */
	#beside(name: string): readonly string[] {
		const module = name.slice(0, name.lastIndexOf('.') + 1);
		const isBeside = (other: string) =>
			other !== name && other !== `${module}bias` && other.startsWith(module);
		return [...this.names()].filter(isBeside);
	}
}

/** How many matrices in formats that are not known are named, each with what lies beside it. */
const NAMED = 3;

/** One map of all; a tensor may be in two files only where nothing reads it. */
function gather(files: readonly Safetensors[]): Map<string, Tensor> {
	const tensors = new Map<string, Tensor>();
	const twice: string[] = [];
	for (const file of files) {
		const whole = wholeName(file.tensors);
		for (const [stored, tensor] of file.tensors) {
			const name = whole(stored);
			const other = tensors.get(name);
			if (other && !samePlace(other, tensor) && reasonUnused(name) === null) {
				twice.push(`${name} in ${other.path} and ${tensor.path}`);
			}
			if (!other) tensors.set(name, tensor);
		}
	}
	if (twice.length === 0) return tensors;
	throw new PickupError('bad-weights', `Expected each tensor once, got ${listed(twice, '; ', 3)}`, {
		action: 'Name only one of the files that hold the same part of the model.',
	});
}

function samePlace(a: Tensor, b: Tensor): boolean {
	return a.path === b.path && a.offset === b.offset;
}

/** Sections of the configuration and the tensors that each is about. */
const SECTIONS: Readonly<Record<string, string>> = {
	transformer: 'model.diffusion_model.',
	vae: 'vae.',
	audio_vae: 'audio_vae.',
	vocoder: 'vocoder.',
};

function mergedConfig(files: readonly Safetensors[]): Record<string, unknown> {
	const merged = new Map<string, unknown>();
	const settled = new Set<string>();
	for (const file of files) {
		const whole = wholeName(file.tensors);
		const names = [...file.tensors.keys()].map(whole);
		for (const [key, value] of Object.entries(configOf(file))) {
			const prefix = SECTIONS[key];
			const own = prefix === undefined || names.some((name) => name.startsWith(prefix));
			if (settled.has(key) || (merged.has(key) && !own)) continue;
			merged.set(key, value);
			if (own) settled.add(key);
		}
	}
	return Object.fromEntries(merged);
}

function configOf({ path, metadata }: Safetensors): Record<string, unknown> {
	if (metadata.config === undefined) return {};
	try {
		const config: unknown = JSON.parse(metadata.config);
		if (isRecord(config)) return config;
	} catch {
		// One answer for all that is no object.
	}
	throw broken(path, 'a JSON object as config in its metadata');
}
