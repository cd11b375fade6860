/**
 * Both works at once, each with a signal of their own. Where one fails the other is stopped, and what went
 * wrong is thrown once nothing goes on any more.
 */
export async function runBoth<A, B>(
	outer: AbortSignal,
	begin: (signal: AbortSignal) => readonly [Promise<A>, Promise<B>],
): Promise<[A, B]> {
	const stop = new AbortController();
	const both = begin(AbortSignal.any([outer, stop.signal]));
	try {
		return await Promise.all(both);
	} catch (error) {
		stop.abort(error);
		await Promise.allSettled(both);
		throw error;
	}
}
