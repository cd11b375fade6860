/** What a page is opened with: `#token=HEX&host=AGENT_ID`. */
export type Address = { readonly token: string; readonly host: string | null };

/**
 * Takes the token out of the address, where it could be read or copied, into the history's state,
 * where a reload finds it. Null for a page that was opened without one.
 */
export function readAddress(): Address | null {
	const given = new URLSearchParams(location.hash.slice(1));
	const token = given.get('token');
	if (token !== null) {
		const address: Address = { token, host: given.get('host') };
		history.replaceState({ address }, '', location.pathname);
		return address;
	}
	return (history.state as { address?: Address } | null)?.address ?? null;
}
