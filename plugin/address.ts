/** What a page is opened with: `#token=HEX&host=AGENT_ID`, and `&port=N` where it comes from a file. */
export type Address = {
	readonly token: string;
	readonly host: string | null;
	/** The daemon's; the page's own where it came from there. */
	readonly port: number;
};

/**
 * Takes the token out of the address, where it could be read or copied, into the history's state,
 * where a reload finds it. Null for a page that was opened without one.
 */
export function readAddress(): Address | null {
	const given = new URLSearchParams(location.hash.slice(1));
	const token = given.get('token');
	if (token !== null) {
		const port = Number(given.get('port') ?? location.port);
		const address: Address = { token, host: given.get('host'), port };
		history.replaceState({ ...history.state, address }, '', location.href.replace(/#.*/s, ''));
		return address;
	}
	const { address } = (history.state ?? {}) as { readonly address?: Address };
	return address ? { ...address, port: address.port ?? Number(location.port) } : null;
}
