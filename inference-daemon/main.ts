import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeProgramFile } from '../files/program-file.ts';
import { claimStateFolder, statePaths } from '../files/state-folder.ts';
import { systemProblem } from '../files/system-errors.ts';
import { PickupError } from '../protocol/errors.ts';
import { printable } from '../protocol/printable.ts';
import { PROTOCOL_VERSION } from '../protocol/rpc.ts';
import { EngineRegistry } from './engines/registry.ts';
import { Briefs } from './hosts/briefs.ts';
import { BusyEditors } from './hosts/busy-editors.ts';
import { Connections } from './hosts/connections.ts';
import { Cuts } from './hosts/cuts.ts';
import { Hosts } from './hosts/hosts.ts';
import { Landings } from './hosts/landings.ts';
import { Shots } from './hosts/shots.ts';
import { checkFolder, rememberPasses } from './jobs/admission.ts';
import { Journal } from './jobs/journal.ts';
import { JobQueue } from './jobs/queue.ts';
import { recover } from './jobs/recovery.ts';
import { Supervisor } from './jobs/supervisor.ts';
import { Unfinished } from './jobs/unfinished.ts';
import { type Log, openLog } from './log.ts';
import { checkMachine } from './machine.ts';
import { checkedFile } from './media/files.ts';
import { ffmpegFinder } from './media/locate.ts';
import { endFfmpeg } from './media/process.ts';
import { countClip } from './media/verify.ts';
import { ClipStore } from './panel-media/clip-store.ts';
import { MediaCache } from './panel-media/media-cache.ts';
import { openPanelMedia } from './panel-media/panel-media.ts';
import { listenWhereBefore } from './server/address.ts';
import { handlersFor } from './server/methods.ts';
import { removePortFile, writePortFile } from './server/port-file.ts';
import { startServer } from './server/server.ts';
import { Tickets } from './server/tickets.ts';
import { readSettings, type Settings } from './settings.ts';
import { VERSION } from './version.ts';

/** Exit codes: 0 stopped in order, 1 failed, or one for a reason that may be said nowhere else. */
const EXIT = { failed: 1, usage: 2, 'state-locked': 3, 'disk-full': 4 } as const;

/** Bytes of what panels look at, which can be made again. */
const MOST_KEPT = 2 ** 30;

/** How often it is seen whether the state folder is still there, in ms. */
const LOOK_AFTER_STATE = 1000;

/** How long a daemon that is ending may take to let go of its journal, in ms. */
const LONGEST_ENDING = 60_000;

try {
	await start(readSettings(process.argv.slice(2), process.env));
} catch (error) {
	const { code, message, action } = systemProblem(error);
	process.stderr.write(printable(`pickup daemon: ${message}\n${action}\n`));
	process.exit(code in EXIT ? EXIT[code as keyof typeof EXIT] : EXIT.failed);
}

async function start(settings: Settings): Promise<void> {
	const paths = statePaths(settings.state);
	await claimStateFolder(settings.state);
	// The processes of the engines look there, whoever named the state folder.
	process.env.PICKUP_GPU ||= paths.gpu;
	// Where it was started may go, or be a disk that is taken out.
	process.chdir(settings.state);
	const { engineModule, origins } = settings;
	const journal = await openJournal(settings);
	await rm(paths.portFile, { force: true });
	const log = openLog(paths.log);
	logDefects(log);
	for (const notice of journal.notices) {
		log.error(notice);
		process.stderr.write(`pickup daemon: ${notice}\n`);
	}

	const ffmpeg = ffmpegFinder(settings.ffmpeg);
	// Looking takes half a second that the first hello need not wait for.
	ffmpeg().catch(() => {});
	const unfinished = new Unfinished(join(paths.cache, 'unfinished'));
	await recover(journal, { work: paths.work, log, countClip, unfinished });
	await mkdir(paths.previews, { recursive: true, mode: 0o700 });

	const engines = new EngineRegistry(engineModule, log.error, { model: settings.model });
	const surroundings = {
		engines,
		findFfmpeg: () => ffmpeg().catch(() => null),
		cache: paths.cache,
		checkFile: rememberPasses(checkedFile, 1000),
		checkFolder: rememberPasses(checkFolder, 1000),
	};
	const supervisor = new Supervisor({
		journal,
		log,
		ffmpeg,
		engineModule,
		engineProgram: fileURLToPath(new URL('./engine.mjs', import.meta.url)),
		previews: paths.previews,
		work: paths.work,
		cache: paths.cache,
		unfinished,
		countClip,
		keepWarm: settings.keepWarm,
		leastFree: settings.leastFree,
	});
	if (settings.expectJob) supervisor.warmUp();
	const hosts = new Hosts();
	new BusyEditors({ hosts, settle: settings.settle, onChange: (busy) => supervisor.pause(busy) });
	const connections = new Connections({ hosts, path: paths.connections, log });
	const tickets = new Tickets();
	const cuts = new Cuts();
	const queue = new JobQueue(journal, supervisor, surroundings);
	const shots = new Shots({ journal, queue, hosts, cuts, surroundings, unsaved: paths.unsaved });
	const landings = new Landings({
		journal,
		hosts,
		cuts,
		log,
		unsaved: paths.unsaved,
		ffmpeg,
	});
	const briefs = new Briefs({ journal, hosts, cuts, shots });
	const instance = randomUUID();
	const { previews } = paths;
	const cache = new MediaCache(join(paths.cache, 'panel'), MOST_KEPT);
	const panelMedia = openPanelMedia({ journal, hosts, cuts, ffmpeg, cache, previews });
	const clipStore = new ClipStore(journal, cache);
	const server = await listenWhereBefore(paths.address, settings.port, ({ port, token }) =>
		startServer({
			journal,
			hosts,
			log,
			token,
			origins,
			port,
			tickets,
			panel: settings.panel,
			handlers: handlersFor({
				journal,
				hosts,
				queue,
				cuts,
				shots,
				landings,
				briefs,
				wake: () => supervisor.wake(),
				panelMedia,
				tickets,
				clipStore,
				surroundings,
				token,
				instance,
				version: VERSION,
				inspectWeights: async (files) => {
					const { inspectWeights } = await import('./engines/ltx2/weights/describe.ts');
					return inspectWeights(files);
				},
				checkMachine: () =>
					checkMachine({ journal, state: settings.state, ffmpeg, engines, connections }),
				expectJob: () => supervisor.warmUp(),
				stop: () => void stop('asked to'),
			}),
		}),
	);

	let stopping: Promise<void> | null = null;
	function stop(why: string, code = 0): Promise<void> {
		stopping ??= (async () => {
			log.info(`stops: ${why}`);
			await told;
			await removePortFile(paths.portFile);
			landings.end();
			briefs.end();
			await supervisor.stop();
			await server.close();
			await endFfmpeg();
			journal.close();
			process.exit(code);
		})();
		return stopping;
	}
	for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
		process.on(signal, () => void stop(signal));
	}

	await writeProgramFile(settings.state, {
		node: process.execPath,
		daemon: fileURLToPath(import.meta.url),
	});
	const { port, token } = server;
	const { pid } = process;
	const tell = () =>
		writePortFile(paths.portFile, {
			port,
			token,
			pid,
			protocol: PROTOCOL_VERSION,
			version: VERSION,
		});
	let told = tell();
	await told;
	log.info(`daemon ${VERSION} listens on 127.0.0.1:${port}`);
	process.stdout.write(`Listening on 127.0.0.1:${port}, state in ${settings.state}\n`);
	supervisor.wake();

	setInterval(() => {
		if (stopping) return;
		if (journal.isThere()) {
			// Without it nobody finds this daemon, and no other can start.
			if (!existsSync(paths.portFile)) told = tell().catch((error) => log.error(`${error}`));
			return;
		}
		process.stderr.write(
			`pickup daemon: ${paths.database} is gone: nothing can be kept, so it ends\n`,
		);
		void stop(`${paths.database} is gone`, EXIT.failed);
	}, LOOK_AFTER_STATE).unref();
}

/**
 * Waits for a daemon that ends: it takes its port file away first and lets go of its journal last.
 * Throws `state-locked` where one runs.
 */
async function openJournal({ state, eventsKept }: Settings): Promise<Journal> {
	const { database, portFile } = statePaths(state);
	const since = performance.now();
	for (;;) {
		try {
			return new Journal(database, { eventsKept });
		} catch (error) {
			const isLocked = error instanceof PickupError && error.code === 'state-locked';
			const isEnding = isLocked && !existsSync(portFile);
			if (!isEnding || performance.now() - since > LONGEST_ENDING) throw error;
		}
		await pause(20);
	}
}

/** A defect ends the daemon: what is journaled is safe, and the next start puts things right. */
function logDefects(log: Log): void {
	process.stdout.on('error', () => {});
	process.on('uncaughtException', (error) => {
		log.error(error.stack ?? String(error));
		const { code, message, action } = systemProblem(error);
		const said = code === 'internal' ? `${error.stack}` : message;
		process.stderr.write(printable(`pickup daemon: ${said}\n${action}\n`));
		process.exit(EXIT.failed);
	});
}
