/** What an editor says; null where it throws, as it may of an item that scripts are not made for. */
export function told<T>(ask: () => T): T | null {
	try {
		return ask();
	} catch (_error) {
		return null;
	}
}
