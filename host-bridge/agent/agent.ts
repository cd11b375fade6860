import type { AgentAnswers, AgentRole, Registration } from '../../protocol/agent.ts';
import { type Client, type ClientOptions, connect } from '../../protocol/client.ts';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { Brief, HostAgent, HostState } from '../../protocol/hosts.ts';
import { inTurn } from '../../protocol/in-turn.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { findDaemon, type Reach } from './endpoint.ts';
import type { AgentStatus, EditorPort, EditorState, Where } from './port.ts';

/** Timers are all that is wanted of the surroundings; every one of them has these. */
declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

export type AgentOptions = Reach &
	Pick<ClientOptions, 'openSocket' | 'client'> & {
		/** A UUID, of this run of the agent. */
		readonly id: string;
		/** Told whenever `status` has changed. */
		readonly onStatus?: () => void;
		/** How often the editor is looked at, in ms. Default: four times a second. */
		readonly lookEvery?: number;
	};

/** The least pause between two tellings of what has changed, in ms. */
const QUIET = 100;

/** Reading the cut takes at most this part of an editor's time. */
const SHARE = 1 / 10;

/** The pause before an attempt to connect grows from the first to the second, in ms. */
const PAUSES = [500, 4000] as const;

const AWAY: Omit<AgentStatus, 'away'> = { advice: null, panel: null, brief: null };

/** The agent of an editor: connects for ever, answers the daemon and tells it what changes. */
export class Agent implements AgentRole {
	readonly #port: EditorPort;
	readonly #options: AgentOptions;
	/** Done in this run: one that the person has undone is not done again. */
	readonly #done = new Set<string>();
	#revision = 0;
	/** What the revision is of. */
	#read = '';
	#told = '';
	#client: Client | null = null;
	#status: AgentStatus = { ...AWAY, away: 'Connecting to Pickup …' };
	/** So that nothing is read in the middle of an edit. */
	readonly #inTurn = inTurn();
	#timer: unknown;
	/** When the cut may be read again, on the clock of `Date`. */
	#readFrom = 0;
	#hasEnded = false;
	#wake = () => {};

	constructor(port: EditorPort, options: AgentOptions) {
		this.#port = port;
		this.#options = options;
		void this.#stayConnected();
		this.#lookIn(0);
	}

	get status(): AgentStatus {
		return this.#status;
	}

	/** The editor says that something has changed: it is looked at soon. */
	readonly changed = (): void => {
		this.#readFrom = 0;
		this.#lookIn(QUIET);
	};

	/** Tries to connect now. */
	readonly hurry = (): void => this.#wake();

	/** The press of the editor's own Fill button. Throws what the daemon refuses with. */
	readonly fill = async (): Promise<void> => {
		await this.#connected().call('host.fill', {});
	};

	/** Stops the job of the brief. */
	readonly cancel = async (): Promise<void> => {
		const jobId = this.#status.brief?.job?.id;
		if (jobId !== undefined) await this.#connected().call('job.cancel', { jobId });
	};

	end(): void {
		this.#hasEnded = true;
		clearTimeout(this.#timer);
		this.#client?.close();
		this.#wake();
	}

	readonly who = (): Promise<Registration> =>
		this.#inTurn(async () => {
			const state = await this.#port.state();
			if (this.#read === '') await this.#readCutOf(state);
			return { agent: this.#self, state: this.#stateOf(state) };
		});

	readonly answers: AgentAnswers = {
		'agent.cut': (where) =>
			this.#inTurn(async () => {
				await this.#expectOpen(where);
				const cut = await this.#readCut(where);
				return { cut, revision: this.#revision };
			}),
		'agent.frame': async ({ frame, path, ...where }) => {
			await this.#expectOpen(where);
			return { size: await this.#port.frame(where, frame, path) };
		},
		'agent.edit': ({ operation, label, steps, revision: planned, ...where }) =>
			this.#inTurn(async () => {
				await this.#expectOpen(where);
				const again = this.#done.has(operation) || (await this.#port.carries(where, operation));
				const cut = await this.#readCut(where);
				if (again) return { revision: this.#revision, again: true };
				if (planned !== this.#revision) return { revision: this.#revision, stale: true };
				await this.#port.edit(where, { operation, label, steps }, cut).finally(this.changed);
				this.#done.add(operation);
				await this.#readCut(where);
				return { revision: this.#revision };
			}),
		'agent.show': ({ frame, ...where }) =>
			this.#inTurn(async () => {
				await this.#expectOpen(where);
				await this.#port.show(where, frame);
				this.changed();
				return {};
			}),
	};

	get #self(): HostAgent {
		const { program, version, can } = this.#port;
		return { id: this.#options.id, program, version, can };
	}

	#stateOf(state: EditorState): HostState {
		return { ...state, revision: this.#revision };
	}

	async #readCutOf({ project, sequence }: EditorState): Promise<void> {
		if (project && sequence) await this.#readCut({ project: project.id, sequence: sequence.id });
	}

	/** Reads the cut; its revision rises where it is not as it was. */
	async #readCut({ project, sequence }: Where): Promise<Cut> {
		const since = Date.now();
		const cut = await this.#port.cut({ project, sequence });
		this.#readFrom = Date.now() + (Date.now() - since) / SHARE;
		const read = JSON.stringify([project, sequence, cut]);
		if (read !== this.#read) this.#revision += 1;
		this.#read = read;
		return cut;
	}

	async #expectOpen(where: Where): Promise<void> {
		const { project, sequence } = await this.#port.state();
		if (project?.id === where.project && sequence?.id === where.sequence) return;
		throw new PickupError('no-such-host', `That sequence is not open in ${this.#port.program}`, {
			field: 'sequence',
		});
	}

	#lookIn(milliseconds: number): void {
		clearTimeout(this.#timer);
		if (this.#hasEnded) return;
		this.#timer = setTimeout(() => {
			// What an editor cannot say now, as while it opens a project, it can say later.
			this.#inTurn(() => this.#look())
				.then((state) => this.#tell(state))
				.catch(() => {})
				.finally(() => this.#lookIn(Math.max(QUIET, this.#options.lookEvery ?? 250)));
		}, milliseconds);
	}

	async #look(): Promise<HostState> {
		const state = await this.#port.state();
		if (Date.now() >= this.#readFrom) await this.#readCutOf(state);
		return this.#stateOf(state);
	}

	/** Tells the daemon what is not as it was told last. */
	async #tell(state: HostState): Promise<void> {
		const text = JSON.stringify(state);
		if (!this.#client || this.#status.away !== null || text === this.#told) return;
		await this.#client.call('host.changed', { state });
		this.#told = text;
	}

	async #stayConnected(): Promise<void> {
		let pause: number = PAUSES[0];
		while (!this.#hasEnded) {
			try {
				await this.#connectOnce();
				pause = PAUSES[0];
			} catch (error) {
				const { code, message, action } = problemOf(error);
				const advice = code === 'daemon-unreachable' ? null : action;
				this.#say({ ...AWAY, away: message, advice });
			}
			await this.#pause(pause);
			pause = Math.min(pause * 2, PAUSES[1]);
		}
	}

	/** Returns when a connection that stood is lost; throws where none can be made. */
	async #connectOnce(): Promise<void> {
		const { openSocket, client, id } = this.#options;
		let daemon = await findDaemon(this.#options);
		let lose = () => {};
		const lost = new Promise<void>((resolve) => {
			lose = resolve;
		});
		const connected = await connect({
			endpoint: async () => {
				daemon = await findDaemon(this.#options);
				return daemon;
			},
			openSocket,
			client,
			agent: this,
			// Whoever waits between two attempts is here, where it can be said why.
			patience: 0,
			onStatus: (status) => {
				if (status === 'lost') this.#say({ ...this.#status, away: 'The connection was lost' });
				else this.#isConnected(daemon.port, daemon.token, id);
			},
			onNotice: (notice) => {
				if (notice.method === 'brief')
					this.#say({ ...this.#status, brief: notice.params as Brief });
			},
			onGivenUp: lose,
		});
		this.#client = connected;
		this.#isConnected(daemon.port, daemon.token, id);
		if (this.#hasEnded) connected.close();
		else await lost;
		this.#client = null;
		connected.close();
		this.#say({ ...AWAY, away: 'Pickup has ended' });
	}

	#isConnected(port: number, token: string, id: string): void {
		this.#told = '';
		const panel = `http://127.0.0.1:${port}/panel/#token=${token}&host=${id}`;
		this.#say({ ...this.#status, away: null, advice: null, panel });
	}

	#connected(): Client {
		if (this.#client) return this.#client;
		throw new PickupError('daemon-unreachable', this.#status.away ?? 'Pickup is not running');
	}

	#say(status: AgentStatus): void {
		this.#status = status;
		this.#options.onStatus?.();
	}

	#pause(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, milliseconds);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}
}
