import type { EngineDescription } from '../../protocol/engines.ts';
import { PickupError } from '../../protocol/errors.ts';
import { codecSchema } from '../../protocol/generation.ts';
import type { WeightsDescription } from '../../protocol/models.ts';
import {
	type Check,
	type Method,
	type ParsedParams,
	PROTOCOL_VERSION,
	type Result,
} from '../../protocol/rpc.ts';
import type { Briefs } from '../hosts/briefs.ts';
import type { Cuts } from '../hosts/cuts.ts';
import type { AgentLink, Hosts } from '../hosts/hosts.ts';
import type { Landings } from '../hosts/landings.ts';
import type { Shots } from '../hosts/shots.ts';
import { planRequest, type Surroundings } from '../jobs/admission.ts';
import type { Journal } from '../jobs/journal.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { lookAt } from '../media/look.ts';
import type { ClipStore } from '../panel-media/clip-store.ts';
import { finishedClip } from '../panel-media/finished-clip.ts';
import { openLink } from '../panel-media/links.ts';
import type { PanelMedia } from '../panel-media/panel-media.ts';
import { revealFile } from '../panel-media/reveal.ts';
import { sameToken } from './gate.ts';
import type { Tickets } from './tickets.ts';

/** What a method needs to know of the connection that called it. */
export type Caller = {
	/** Whether it is a page that comes from a file, and so has no origin. */
	readonly isFromFile: boolean;
	/** Sends every event after this number as a notification, once the answer is on its way. */
	readonly sendEventsAfter: (seq: number) => void;
	/** Sends the connected editors as a notification whenever they change. */
	readonly sendHosts: () => void;
	/** Aborted when the connection ends. */
	readonly gone: AbortSignal;
	/** Sends what panels share as a notification whenever that changes. */
	readonly sendPanel: () => void;
	/** For an agent: how it is asked, and told what it may show. */
	readonly agent: AgentLink;
};

export type Handlers = {
	readonly [M in Method]: (
		params: ParsedParams<M>,
		caller: Caller,
	) => Promise<Result<M>> | Result<M>;
};

export type MethodsOptions = {
	readonly journal: Journal;
	readonly queue: JobQueue;
	readonly hosts: Hosts;
	readonly panelMedia: PanelMedia;
	readonly tickets: Tickets;
	readonly clipStore: ClipStore;
	readonly cuts: Cuts;
	readonly shots: Shots;
	readonly landings: Landings;
	readonly briefs: Briefs;
	/** Called when the queue may go on. */
	readonly wake: () => void;
	readonly surroundings: Surroundings;
	readonly token: string;
	readonly instance: string;
	readonly version: string;
	/** Throws `bad-weights`. */
	readonly inspectWeights: (paths: readonly string[]) => Promise<WeightsDescription>;
	readonly checkMachine: () => Promise<readonly Check[]>;
	/** Called when a job is likely to come soon. */
	readonly expectJob: () => void;
	/** Called once the answer is on its way. */
	readonly stop: () => void;
};

/** What each method does. They throw PickupError. */
export function handlersFor(options: MethodsOptions): Handlers {
	const { journal, queue, hosts, cuts, shots, landings, briefs, panelMedia, tickets } = options;
	const { clipStore } = options;
	const { surroundings, instance, version } = options;

	async function engines(): Promise<EngineDescription[]> {
		return [...(await surroundings.engines.describe(await surroundings.findFfmpeg()))];
	}

	return {
		hello: async ({ protocol, token }) => {
			if (!sameToken(token, options.token)) {
				throw new PickupError('wrong-token', 'Expected the token from the port file', {
					field: 'token',
				});
			}
			if (protocol !== PROTOCOL_VERSION) {
				throw new PickupError(
					'version-mismatch',
					`Expected protocol ${PROTOCOL_VERSION} of Pickup ${version}, process ${process.pid}; got ${protocol}`,
					{ field: 'protocol' },
				);
			}
			return {
				protocol: PROTOCOL_VERSION,
				version,
				instance,
				lastEvent: journal.lastEvent,
				notices: [...journal.notices],
				codecs: [...codecSchema.options],
				engines: await engines(),
			};
		},
		'engine.list': async () => ({ engines: await engines() }),
		'job.plan': async ({ request }) => {
			options.expectJob();
			return { plan: await planRequest(request, surroundings) };
		},
		'job.submit': async ({ request, priority }) => ({
			job: await queue.submit(request, priority),
		}),
		'job.list': ({ states, limit }) => ({
			jobs: [...journal.jobs(states, limit)],
			lastEvent: journal.lastEvent,
		}),
		'job.get': ({ jobId }) => ({ job: journal.job(jobId) }),
		'job.request': ({ jobId }) => ({ request: journal.record(jobId).request }),
		'job.cancel': async ({ jobId }) => ({ job: await queue.cancel(jobId) }),
		'job.continue': ({ jobId }) => ({ job: queue.goOn(jobId) }),
		'job.retry': ({ jobId }) => ({ job: queue.retry(jobId) }),
		'job.move': ({ jobId, before }) => ({ job: queue.move(jobId, before) }),
		'job.prioritise': ({ jobId, priority }) => ({ job: queue.prioritise(jobId, priority) }),
		'events.subscribe': ({ after }, caller) => {
			const events = [...journal.eventsAfter(after)];
			const { lastEvent } = journal;
			caller.sendEventsAfter(lastEvent);
			return { events, lastEvent };
		},
		'host.register': ({ agent, state }, caller) => {
			hosts.register(agent, state, caller.agent);
			briefs.tell(agent.id);
			return {};
		},
		'host.changed': ({ state }, caller) => {
			hosts.changed(caller.agent, state);
			return {};
		},
		'host.watch': (_params, caller) => {
			caller.sendHosts();
			return { hosts: [...hosts.list()] };
		},
		'host.cut': ({ host }) => {
			const { where, ...open } = hosts.openSequence(host);
			return cuts.of(open, where);
		},
		'host.show': ({ host, frame }) => {
			const { link, where } = hosts.openSequence(host);
			return link.ask('agent.show', { ...where, frame });
		},
		'host.reveal': async ({ host }) => {
			const { state, agent } = hosts.find(host);
			const path = state.project?.landsIn ?? state.project?.path;
			if (path) await revealFile(path);
			else {
				throw new PickupError('no-such-host', `${agent.program} has no file open that was saved`, {
					field: 'host',
				});
			}
			return {};
		},
		'host.fill': async (_params, { agent }) => {
			options.expectJob();
			return { jobs: [...(await briefs.fill(hosts.of(agent)))] };
		},
		'shot.plan': ({ shot }) => {
			options.expectJob();
			return shots.plan(shot);
		},
		'shot.submit': async ({ shot }) => ({ jobs: [...(await shots.submit(shot))] }),
		'shot.vary': async (wish) => ({ job: await shots.vary(wish) }),
		'clip.land': async (wish) => {
			await landings.landAgain(wish);
			return { job: journal.job(wish.jobId) };
		},
		'clip.withdraw': async ({ landing }) => ({ job: await landings.withdraw(landing) }),
		'clip.mark': ({ jobIds, ...marks }) => {
			journal.mark(jobIds, marks);
			return {};
		},
		'queue.pause': ({ paused }) => {
			journal.panel.pause(paused);
			options.wake();
			return {};
		},
		'panel.watch': (_params, caller) => {
			caller.sendPanel();
			return journal.panel.state;
		},
		'panel.remember': ({ key, value }) => {
			journal.panel.remember(key, value);
			return {};
		},
		'media.look': async ({ path }) => {
			const ffmpeg = await surroundings.findFfmpeg();
			if (ffmpeg === null) {
				throw new PickupError('ffmpeg-missing', `Expected ffmpeg to look at ${path}, found none`);
			}
			return lookAt(ffmpeg, path);
		},
		'media.ticket': async ({ media }, { gone, isFromFile }) => {
			const { loop = null, ...file } = await panelMedia.find(media, gone);
			return { path: tickets.issue({ ...file, acrossOrigins: isFromFile }), loop };
		},
		'media.levels': ({ of, points }, { gone }) => panelMedia.levels(of, points, gone),
		'take.scores': ({ jobId }, { gone }) => panelMedia.scores(jobId, gone),
		'media.reveal': async ({ jobId }) => {
			await revealFile((await finishedClip(journal, jobId)).path);
			return {};
		},
		'history.disk': ({ project }) => clipStore.use(project),
		'history.trash': async ({ jobIds, evenUsed }) => ({
			kept: [...(await clipStore.trash(jobIds, evenUsed))],
		}),
		'link.open': async ({ link }) => {
			await openLink(link);
			return {};
		},
		'models.inspect': ({ paths }) => options.inspectWeights(paths),
		'machine.check': async () => ({ checks: [...(await options.checkMachine())] }),
		'daemon.stop': () => {
			setImmediate(options.stop);
			return {};
		},
	};
}
