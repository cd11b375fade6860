/** Something to wait for until a test says so. */
export type Gate = { readonly opened: Promise<void>; readonly open: () => void };

export function closedGate(): Gate {
	let open = () => {};
	const opened = new Promise<void>((resolve) => {
		open = resolve;
	});
	return { opened, open };
}
