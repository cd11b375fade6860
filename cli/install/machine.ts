import { homedir } from 'node:os';
import { stateFolder } from '../../files/folders.ts';

/** What decides where programs look for what is added to them. */
export type Machine = {
	readonly platform: NodeJS.Platform;
	readonly home: string;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Pickup's state folder: what was put where is kept there. */
	readonly state: string;
};

/** For one person, or for all who use the machine: that takes an administrator. */
export type Scope = 'user' | 'system';

export function thisMachine(): Machine {
	const { platform, env } = process;
	return { platform, env, home: homedir(), state: stateFolder(env.PICKUP_STATE) };
}
