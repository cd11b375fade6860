import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { PROOF_PATH, proofText } from './rpc.ts';

/** What is wanted of the surroundings: browsers, Node and UXP have it. UXP has no `crypto.subtle`. */
declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };

/**
 * Whether what listens on the port has the token; from the question it learns nothing of it. `ask`
 * gives the body of a `GET` there, or the one message of a WebSocket. Throws what `ask` throws.
 */
export async function provesItself(
	{ port, token }: { readonly port: number; readonly token: string },
	ask: (path: string) => Promise<string>,
): Promise<boolean> {
	const once = hex(crypto.getRandomValues(new Uint8Array(16)));
	const client = signed(proofText('client', port, once), token);
	const answer = await ask(`${PROOF_PATH}${once}/${client}`);
	return answer === signed(proofText('daemon', port, once), token);
}

/** HMAC-SHA256 in hex. */
function signed(text: string, token: string): string {
	return hex(hmac(sha256, ascii(token), ascii(text)));
}

function ascii(text: string): Uint8Array {
	return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
