/**
 * Does what must be put right when it is interrupted: the signal aborts, once, instead of ending the
 * command. Another one ends it at once, as it does before and after.
 */
export async function interruptible<T>(work: (interrupt: AbortSignal) => Promise<T>): Promise<T> {
	const controller = new AbortController();
	const abort = () => {
		for (const name of INTERRUPTS) process.off(name, abort);
		controller.abort();
	};
	for (const name of INTERRUPTS) process.on(name, abort);
	try {
		return await work(controller.signal);
	} finally {
		for (const name of INTERRUPTS) process.off(name, abort);
	}
}

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
