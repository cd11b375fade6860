import { createHash } from 'node:crypto';

/** A UUID that the press and the take's number give, so that a press sent twice is one. */
export function idOfTake(shot: string, take: number): string {
	const bytes = createHash('sha256').update(`${shot.toLowerCase()} ${take}`).digest();
	// Version 8, of nobody's scheme, and the variant of RFC 9562.
	bytes[6] = (bytes[6]! & 0x0f) | 0x80;
	bytes[8] = (bytes[8]! & 0x3f) | 0x80;
	const hex = bytes.toString('hex', 0, 16);
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
