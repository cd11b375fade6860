import { pathToFileURL } from 'node:url';
import type { EngineDescription } from '../../protocol/engines.ts';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Engine } from './engine.ts';

/** Best first: `auto` takes the first that is ready and does the kind. */
const BUILT_IN: Readonly<Record<string, () => Promise<Engine>>> = {
	ltx2: async () => (await import('./ltx2/engine.ts')).ltx2,
	inbetween: async () => (await import('./inbetween/engine.ts')).inbetween,
};

/** How long what engines say of themselves is taken for true, in ms. */
const FRESH = 1000;

/** Every engine there is, loaded when it is first asked for. */
export class EngineRegistry {
	readonly #module: string | null;
	readonly #onBroken: (message: string) => void;
	#engines: Promise<readonly Engine[]> | null = null;
	#described: { at: number; list: Promise<readonly EngineDescription[]> } | null = null;

	/**
	 * `module` is the path of an ES module with one more engine, which goes before the others.
	 * `onBroken` is told of engines that cannot be loaded or asked; they are left out.
	 */
	constructor(module: string | null, onBroken: (message: string) => void) {
		this.#module = module;
		this.#onBroken = onBroken;
	}

	/** Throws `no-such-engine`. */
	async named(name: string): Promise<Engine> {
		// A draft need not wait for another engine's networks to load.
		if (this.#module === null && Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name]!();
		const engines = await this.#all();
		const engine = engines.find((candidate) => candidate.name === name);
		if (engine) return engine;
		const names = engines.map((candidate) => candidate.name).join(', ');
		throw new PickupError('no-such-engine', `Expected one of ${names} or auto, got "${name}"`, {
			field: 'request.engine',
		});
	}

	/** The engine for a request. Throws `no-such-engine`, `engine-unavailable` or `engine-cannot`. */
	async choose(request: GenerationRequest, ffmpeg: Ffmpeg | null): Promise<Engine> {
		const descriptions = await this.#describeFor(request, ffmpeg);
		if (request.engine === 'auto') {
			const able = descriptions.filter(({ kinds }) => kinds.includes(request.kind));
			const best = able.find(({ ready }) => ready) ?? able[0];
			if (best) return this.#ready(best);
			throw new PickupError('engine-cannot', `No engine here does ${request.kind}`, {
				field: 'request.kind',
			});
		}
		const engine = await this.named(request.engine);
		const description = descriptions.find(({ name }) => name === engine.name);
		return description ? this.#ready(description) : engine;
	}

	async describe(ffmpeg: Ffmpeg | null): Promise<readonly EngineDescription[]> {
		if (!this.#described || Date.now() - this.#described.at > FRESH) {
			const list = this.#all().then((engines) =>
				this.#working(engines.map((engine) => engine.describe(ffmpeg))),
			);
			this.#described = { at: Date.now(), list };
		}
		return this.#described.list;
	}

	async #describeFor(
		{ settings }: GenerationRequest,
		ffmpeg: Ffmpeg | null,
	): Promise<readonly EngineDescription[]> {
		if (Object.keys(settings).length === 0) return this.describe(ffmpeg);
		const engines = await this.#all();
		return this.#working(engines.map((engine) => engine.describe(ffmpeg, settings)));
	}

	async #ready(description: EngineDescription): Promise<Engine> {
		if (description.ready) return this.named(description.name);
		const missing = description.needs.find(({ present }) => !present);
		const what = missing?.what ?? 'something that is not there';
		throw new PickupError('engine-unavailable', `${description.title} needs ${what}`, {
			field: 'request.engine',
			action: missing?.action,
		});
	}

	#all(): Promise<readonly Engine[]> {
		this.#engines ??= this.#working([
			...(this.#module === null ? [] : [loadModule(this.#module)]),
			...Object.values(BUILT_IN).map((load) => load()),
		]);
		return this.#engines;
	}

	async #working<T>(attempts: readonly Promise<T>[]): Promise<readonly T[]> {
		const results = await Promise.allSettled(attempts);
		return results.flatMap((result) => {
			if (result.status === 'fulfilled') return [result.value];
			this.#onBroken(`An engine is left out: ${problemOf(result.reason).message}`);
			return [];
		});
	}
}

async function loadModule(path: string): Promise<Engine> {
	const loaded = (await import(pathToFileURL(path).href)) as { engine?: Engine };
	if (loaded.engine) return loaded.engine;
	throw new PickupError('internal', `Expected ${path} to export an engine`);
}
