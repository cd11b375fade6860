import * as z from 'zod';
import { readRegular } from '../../files/open-regular.ts';
import { writeWhole } from '../../files/write-whole.ts';
import type { Check } from '../../protocol/rpc.ts';
import type { Log } from '../log.ts';
import type { Hosts } from './hosts.ts';

const connectionsSchema = z.record(
	z.string(),
	z.object({ version: z.string(), at: z.string().describe('ISO 8601') }),
);

type Known = z.infer<typeof connectionsSchema>;

/** When each editor was connected last: kept for whoever asks why one does not come. */
export class Connections {
	readonly #hosts: Hosts;
	readonly #path: string;
	readonly #log: Log;
	#writing: Promise<void> = Promise.resolve();
	#there: ReadonlySet<string> = new Set();

	constructor({ hosts, path, log }: { hosts: Hosts; path: string; log: Log }) {
		this.#hosts = hosts;
		this.#path = path;
		this.#log = log;
		hosts.onChange(() => this.#look());
	}

	/** One line for each program, by name. */
	async checks(): Promise<readonly Check[]> {
		await this.#writing;
		const now = new Set(this.#hosts.list().map(({ agent }) => agent.program));
		return Object.entries(await this.#read()).map(([program, { version, at }]) => ({
			name: `connection ${program}`,
			status: 'ok',
			found: `${version}, ${now.has(program) ? 'connected now' : `connected last at ${at}`}`,
			action: null,
		}));
	}

	/** Somebody came or went. */
	#look(): void {
		const before = this.#there;
		const hosts = this.#hosts.list();
		this.#there = new Set(hosts.map(({ agent }) => agent.id));
		const isSame =
			before.size === this.#there.size && [...before].every((id) => this.#there.has(id));
		if (isSame) return;
		const at = new Date().toISOString();
		const seen = hosts.map(({ agent }) => [agent.program, { version: agent.version, at }] as const);
		this.#writing = this.#writing
			.then(async () => {
				const all: Known = { ...(await this.#read()), ...Object.fromEntries(seen) };
				await writeWhole(this.#path, `${JSON.stringify(all)}\n`, { mode: 0o600 });
			})
			.catch((error) => this.#log.error(`which editors are connected was not kept: ${error}`));
	}

	/** Nobody’s where there is none yet, or what is there is damaged. */
	async #read(): Promise<Known> {
		try {
			return connectionsSchema.parse(
				JSON.parse((await readRegular(this.#path, 1_000_000)).toString()),
			);
		} catch {
			return {};
		}
	}
}
