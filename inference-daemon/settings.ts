import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pathFrom, stateFolder } from '../files/folders.ts';
import { statePaths } from '../files/state-folder.ts';
import { PickupError } from '../protocol/errors.ts';

/** In ms. */
const KEEP_WARM = 300_000;
const SETTLE = 1500;

export type Settings = {
	/** Jobs, port file, log, previews and work in progress; the daemon's own folder, mode 0700. */
	readonly state: string;
	/** 0: any free port; null: one of those that editors' plugins know, where one is free. */
	readonly port: number | null;
	readonly ffmpeg: string | null;
	/** The folder with weights for requests that name none; it need not be there. */
	readonly model: string;
	/** An ES module that exports `engine: Engine`, offered beside the built-in ones. */
	readonly engineModule: string | null;
	/** The folder with the panel's page. */
	readonly panel: string;
	/** Origins that may connect beside the daemon's own, e.g. `http://127.0.0.1:5173`. */
	readonly origins: readonly string[];
	/** How many job events are kept for clients that come back. */
	readonly eventsKept: number;
	/** How long an engine's process that has nothing to do is kept for the next job, in ms. */
	readonly keepWarm: number;
	/** Below as much free memory it is not kept. Bytes. */
	readonly leastFree: number;
	/** How long no editor may play, render or export before paused jobs go on, in ms. */
	readonly settle: number;
	/** Whether the engine's process is to start at once, because a job is about to come. */
	readonly expectJob: boolean;
};

/**
 * The only place that reads arguments and environment; paths begin in the working folder, if they are
 * not absolute. Throws `usage` for what it cannot use.
 */
export function readSettings(argv: readonly string[], env: Environment): Settings {
	const { values } = parse(argv);
	const state = stateFolder(values.state || env.PICKUP_STATE);
	return {
		state,
		model: pathFrom(values.model || env.PICKUP_MODEL || statePaths(state).model),
		port: portOf(values.port ?? env.PICKUP_PORT),
		ffmpeg: env.PICKUP_FFMPEG ? pathFrom(env.PICKUP_FFMPEG) : null,
		engineModule: env.PICKUP_ENGINE_MODULE ? pathFrom(env.PICKUP_ENGINE_MODULE) : null,
		panel: pathFrom(env.PICKUP_PANEL || fileURLToPath(new URL('./panel', import.meta.url))),
		origins: [...(values.origin ?? []), ...(env.PICKUP_ORIGINS?.split(/[\s,]+/) ?? [])].filter(
			(origin) => origin !== '',
		),
		expectJob: values['expect-job'] === true,
		eventsKept: number(env, 'PICKUP_EVENTS_KEPT', 20_000, 10_000_000),
		keepWarm: number(env, 'PICKUP_KEEP_WARM', KEEP_WARM, 86_400_000),
		leastFree: number(env, 'PICKUP_LEAST_FREE', Math.round(totalmem() / 10), 1e15),
		settle: number(env, 'PICKUP_SETTLE', SETTLE, 60_000),
	};
}

function parse(argv: readonly string[]) {
	try {
		return parseArgs({
			args: [...argv],
			options: {
				state: { type: 'string' },
				port: { type: 'string' },
				model: { type: 'string' },
				origin: { type: 'string', multiple: true },
				'expect-job': { type: 'boolean' },
			},
		});
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		throw new PickupError('usage', message, { action: USAGE });
	}
}

function portOf(text = ''): number | null {
	return text === '' ? null : wholeNumber('--port', text, 65_535);
}

const USAGE =
	'Usage: daemon.mjs [--state DIR] [--model DIR] [--port N] [--origin ORIGIN]… [--expect-job]';

type Environment = Readonly<Record<string, string | undefined>>;

function number(env: Environment, name: string, usual: number, max: number): number {
	return wholeNumber(name, env[name] || `${usual}`, max);
}

function wholeNumber(name: string, text: string, max: number): number {
	const value = Number(text);
	if (/^\d+$/.test(text) && value <= max) return value;
	throw new PickupError('usage', `Expected ${name} between 0 and ${max}, got "${text}"`, {
		field: name,
		action: USAGE,
	});
}
