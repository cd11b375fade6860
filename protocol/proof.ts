import { PROOF_PATH, proofText } from './rpc.ts';

/** What is wanted of the surroundings; browsers and Node have both. */
declare const crypto: {
	getRandomValues(bytes: Uint8Array): Uint8Array;
	readonly subtle: {
		importKey(
			format: 'raw',
			bytes: Uint8Array,
			algorithm: object,
			extractable: boolean,
			usages: readonly string[],
		): Promise<object>;
		sign(algorithm: 'HMAC', key: object, bytes: Uint8Array): Promise<ArrayBuffer>;
	};
};
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/**
 * Whether what listens on the port has the token; from the question it learns nothing of it. `ask`
 * gives the body of a `GET` there. Throws what `ask` throws.
 */
export async function provesItself(
	{ port, token }: { readonly port: number; readonly token: string },
	ask: (path: string) => Promise<string>,
): Promise<boolean> {
	const once = hex(crypto.getRandomValues(new Uint8Array(16)));
	const client = await signed(proofText('client', port, once), token);
	const answer = await ask(`${PROOF_PATH}${once}/${client}`);
	return answer === (await signed(proofText('daemon', port, once), token));
}

/** HMAC-SHA256 in hex. */
async function signed(text: string, token: string): Promise<string> {
	const bytes = (of: string) => new TextEncoder().encode(of);
	const hmac = { name: 'HMAC', hash: 'SHA-256' };
	const key = await crypto.subtle.importKey('raw', bytes(token), hmac, false, ['sign']);
	return hex(new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(text))));
}

function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
