import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { readRegular } from '../../files/open-regular.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { PORTS, portFileSchema } from '../../protocol/rpc.ts';

const addressSchema = z.object({
	port: portFileSchema.shape.port,
	token: portFileSchema.shape.token,
});

/** Where a daemon listens, and what lets in there. */
export type Address = z.infer<typeof addressSchema>;

/**
 * Starts listening where the last daemon of this state folder did, with its token, so that a page
 * that was open then finds this one. A port that is asked for (not 0) comes first; where the old one
 * is taken it is one of PORTS or, where 0 is asked for or all of them are taken, any other, with a new
 * token.
 *
 * A token that outlives its daemon could be learned by another user's program that listens on the
 * port meanwhile: from a page that sends it, or is loaded again there. Hence the page asks for the
 * daemon's proof before it shows the token, and what has been found taken once is never used again.
 */
export async function listenWhereBefore<T extends { readonly port: number }>(
	path: string,
	asked: number | null,
	listen: (wanted: Address) => Promise<T>,
): Promise<T & { readonly token: string }> {
	const kept = await readAddress(path);
	const isOld = kept !== null && (!asked || asked === kept.port);
	const others = asked === null ? [...PORTS, 0] : asked === 0 ? [0] : isOld ? [] : [asked];
	const newer = newToken();
	const wishes = [...(isOld ? [kept] : []), ...others.map((port) => ({ port, token: newer }))];
	for (const [index, wanted] of wishes.entries()) {
		const server = await listen(wanted).catch((error: unknown) => {
			if (index === wishes.length - 1) throw error;
			return null;
		});
		if (!server) continue;
		const { token } = wanted;
		const content: Address = { port: server.port, token };
		await writeWhole(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
		return { ...server, token };
	}
	throw new Error('There is always a last wish');
}

/** Null where there is none, and for what is damaged. */
async function readAddress(path: string): Promise<Address | null> {
	try {
		return addressSchema.parse(JSON.parse((await readRegular(path, 10_000)).toString()));
	} catch {
		return null;
	}
}

function newToken(): string {
	return randomBytes(32).toString('hex');
}
