import { pathToFileURL } from 'node:url';
import type { BuiltInEngine } from '../../protocol/engine-options/engines.ts';
import type { EngineDescription } from '../../protocol/engines.ts';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Check } from '../../protocol/rpc.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Engine } from './engine.ts';

/** Best first: `auto` takes the first that is ready and does the kind. */
const BUILT_IN: Readonly<Record<BuiltInEngine, () => Promise<Engine>>> = {
	ltx2: async () => (await import('./ltx2/engine.ts')).ltx2,
	inbetween: async () => (await import('./inbetween/engine.ts')).inbetween,
};

type Settings = GenerationRequest['settings'];

/** An engine, and the request with the settings that it left to the daemon. */
export type Choice = {
	readonly engine: Engine;
	readonly request: GenerationRequest;
	/** For the plan: which engine would have been taken before this one, and what it lacks. */
	readonly notes: readonly string[];
};

/** How long what engines say of themselves is taken for true, in ms. */
const FRESH = 1000;

/** Every engine there is, loaded when it is first asked for. */
export class EngineRegistry {
	readonly #module: string | null;
	readonly #onBroken: (message: string) => void;
	readonly #defaults: Settings;
	#engines: Promise<readonly Engine[]> | null = null;
	#described: { at: number; list: Promise<readonly EngineDescription[]> } | null = null;

	/**
	 * `module` is the path of an ES module with one more engine, which goes before the others.
	 * `onBroken` is told of engines that cannot be loaded or asked; they are left out. `defaults`
	 * stand in for settings that a request leaves out, with engines that know them.
	 */
	constructor(module: string | null, onBroken: (message: string) => void, defaults: Settings = {}) {
		this.#module = module;
		this.#onBroken = onBroken;
		this.#defaults = defaults;
	}

	/** Throws `no-such-engine`. */
	async named(name: string): Promise<Engine> {
		// A draft need not wait for another engine's networks to load.
		if (this.#module === null && isBuiltIn(name)) return BUILT_IN[name]();
		const engines = await this.#all();
		const engine = engines.find((candidate) => candidate.name === name);
		if (engine) return engine;
		const names = engines.map((candidate) => candidate.name).join(', ');
		throw new PickupError('no-such-engine', `Expected one of ${names} or auto, got "${name}"`, {
			field: 'request.engine',
		});
	}

	/**
	 * The engine for a request; with `auto` one that is not ready is not passed over where a setting is its own.
	 * Throws `no-such-engine`, `engine-unavailable` or `engine-cannot`.
	 */
	async choose(request: GenerationRequest, ffmpeg: Ffmpeg | null): Promise<Choice> {
		const descriptions = await this.#describeFor(request, ffmpeg);
		const isAuto = request.engine === 'auto';
		const description = isAuto
			? bestFor(request, descriptions)
			: await this.#describedAs(request.engine, descriptions);
		if (description === null) {
			return { engine: await this.named(request.engine), request, notes: [] };
		}
		checkReady(description);
		checkSupported(request, description);
		const engine = await this.named(description.name);
		const before = descriptions.slice(0, descriptions.indexOf(description));
		return {
			engine,
			request: this.#completed(request, description),
			notes: isAuto ? fittingAmong(before, request).flatMap(passedOver) : [],
		};
	}

	async describe(ffmpeg: Ffmpeg | null): Promise<readonly EngineDescription[]> {
		if (!this.#described || performance.now() - this.#described.at > FRESH) {
			const list = this.#all().then((engines) =>
				this.#working(engines.map((engine) => engine.describe(ffmpeg, this.#defaults))),
			);
			this.#described = { at: performance.now(), list };
		}
		return this.#described.list;
	}

	/** What the engines find on this machine; slow. */
	async check(): Promise<readonly Check[]> {
		const engines = await this.#all();
		return (
			await this.#working(engines.map(async (engine) => (await engine.check?.()) ?? []))
		).flat();
	}

	async #describeFor(
		{ settings }: GenerationRequest,
		ffmpeg: Ffmpeg | null,
	): Promise<readonly EngineDescription[]> {
		if (Object.keys(settings).length === 0) return this.describe(ffmpeg);
		const engines = await this.#all();
		const known = { ...this.#defaults, ...settings };
		return this.#working(engines.map((engine) => engine.describe(ffmpeg, known)));
	}

	/** Null for an engine that cannot say what it does. Throws `no-such-engine`. */
	async #describedAs(
		wanted: string,
		descriptions: readonly EngineDescription[],
	): Promise<EngineDescription | null> {
		const engine = await this.named(wanted);
		return descriptions.find(({ name }) => name === engine.name) ?? null;
	}

	#completed(request: GenerationRequest, { settings }: EngineDescription): GenerationRequest {
		const names = settings.map(({ name }) => name);
		const known = Object.entries(this.#defaults).filter(([name]) => names.includes(name));
		return { ...request, settings: { ...Object.fromEntries(known), ...request.settings } };
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

function isBuiltIn(name: string): name is BuiltInEngine {
	return Object.hasOwn(BUILT_IN, name);
}

/**
 * The first that is ready of those that do all that is asked for, else the first of those; but one
 * before it where the request has settings, as a model, that only that one knows.
 */
function bestFor(
	request: GenerationRequest,
	descriptions: readonly EngineDescription[],
): EngineDescription {
	const fitting = fittingAmong(descriptions, request);
	const best = fitting.find(({ ready }) => ready) ?? fitting[0];
	const before = fitting.slice(0, best && fitting.indexOf(best));
	const meant = Object.keys(request.settings).filter((name) => !best || !knows(best, name));
	const named = before.find((one) => meant.some((name) => knows(one, name)));
	if (best) return named ?? best;
	const able = descriptions.filter(({ kinds }) => kinds.includes(request.kind));
	const missing = able[0] ? unsupported(request, able[0]) : null;
	throw new PickupError(
		'engine-cannot',
		`No engine here does ${request.kind}${missing ? ` with ${missing.what}` : ''}`,
		{ field: missing?.field ?? 'request.kind' },
	);
}

/** The engines that do the kind and all that is asked for beside it, ready or not. */
function fittingAmong(
	descriptions: readonly EngineDescription[],
	request: GenerationRequest,
): readonly EngineDescription[] {
	return descriptions.filter(
		(one) => one.kinds.includes(request.kind) && unsupported(request, one) === null,
	);
}

function knows({ settings }: EngineDescription, setting: string): boolean {
	return settings.some(({ name }) => name === setting);
}

/** An engine that is not ready, in a sentence. */
function passedOver({ ready, title, needs }: EngineDescription): readonly string[] {
	const missing = needs.find(({ present }) => !present);
	return ready || !missing ? [] : [`${title} is not used, since it needs ${missing.what}`];
}

function checkReady({ ready, needs, title }: EngineDescription): void {
	if (ready) return;
	const missing = needs.find(({ present }) => !present);
	const what = missing?.what ?? 'something that is not there';
	throw new PickupError('engine-unavailable', `${title} needs ${what}`, {
		field: 'request.engine',
		action: missing?.action,
	});
}

function checkSupported(request: GenerationRequest, description: EngineDescription): void {
	const part = unsupported(request, description);
	if (part === null) return;
	throw new PickupError('engine-cannot', `${description.title} cannot take ${part.what}`, {
		field: part.field,
		action: 'Leave that out, or choose an engine that takes it.',
	});
}

/** A part of a request that not every engine supports. */
type Part = { readonly field: string; readonly what: string };

/** The first part of a request beside its kind that an engine does not support; null for none. */
function unsupported(
	request: GenerationRequest,
	{ takes }: Pick<EngineDescription, 'takes'>,
): Part | null {
	if ((request.loras?.length ?? 0) > 0 && !takes.loras) {
		return { field: 'request.loras', what: 'LoRAs' };
	}
	if (request.reference !== undefined && !takes.reference) {
		return { field: 'request.reference', what: 'a reference clip' };
	}
	if (request.kind === 'insert' && request.length === 'model' && !takes.openLength) {
		return { field: 'request.length', what: 'a length that is left to the model' };
	}
	return null;
}

async function loadModule(path: string): Promise<Engine> {
	const loaded = (await import(pathToFileURL(path).href)) as { engine?: Engine };
	if (loaded.engine) return loaded.engine;
	throw new PickupError('internal', `Expected ${path} to export an engine`);
}
