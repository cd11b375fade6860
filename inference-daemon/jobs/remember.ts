/**
 * A check that is not repeated for a path that has just passed: a thousand requests of one cut
 * name the same few files. What fails is looked at anew each time. `milliseconds` is how long a
 * pass holds.
 */
export function rememberPasses(
	check: (path: string) => Promise<unknown>,
	milliseconds: number,
): (path: string) => Promise<unknown> {
	const passes = new Map<string, Promise<unknown>>();
	return (path) => {
		let pass = passes.get(path);
		if (!pass) {
			pass = check(path);
			passes.set(path, pass);
			const forget = () => passes.delete(path);
			pass.then(() => setTimeout(forget, milliseconds).unref(), forget);
		}
		return pass;
	};
}
