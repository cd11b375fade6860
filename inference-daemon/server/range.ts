/** Bytes `start ≤ b < end`. */
export type ByteRange = { readonly start: number; readonly end: number };

/**
 * One range of a `Range` header (RFC 9110 §14). Null where the whole is to be sent: no header, a
 * unit or a form that is not understood, or several ranges.
 */
export function readRange(
	header: string | undefined,
	size: number,
): ByteRange | 'unsatisfiable' | null {
	const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? [];
	if (first === undefined || last === undefined || first + last === '') return null;
	if (first === '') {
		const length = Math.min(Number(last), size);
		return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
	}
	const start = Number(first);
	if (last !== '' && Number(last) < start) return null;
	if (start >= size) return 'unsatisfiable';
	return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}
