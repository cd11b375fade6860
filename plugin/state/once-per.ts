/**
 * `work`, done once for each value and remembered for as long as that value lives: for what is worked
 * out of a state that is never changed, only replaced.
 */
export function oncePer<Value extends object, Result>(
	work: (value: Value) => Result,
): (value: Value) => Result {
	const known = new WeakMap<Value, { readonly result: Result }>();
	return (value) => {
		const found = known.get(value) ?? { result: work(value) };
		known.set(value, found);
		return found.result;
	};
}
