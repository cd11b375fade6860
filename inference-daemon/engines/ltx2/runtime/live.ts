/** Told the names of all open sessions each time that one opens or has been released. */
export type SessionsListener = (names: readonly string[]) => void;

const open = new Set<{ readonly name: string }>();
const listeners = new Set<SessionsListener>();

/** The names of the graphs whose sessions are open or opening in this process, oldest first. */
export function liveSessions(): readonly string[] {
	return [...open].map(({ name }) => name);
}

/** Returns what ends the listening. */
export function onSessions(listener: SessionsListener): () => void {
	listeners.add(listener);
	return () => void listeners.delete(listener);
}

/** A session of a graph of that name starts to take memory; what is returned tells that it is gone. */
export function sessionOpens(name: string): () => void {
	const entry = { name };
	open.add(entry);
	tell();
	return () => {
		if (open.delete(entry)) tell();
	};
}

function tell(): void {
	const names = liveSessions();
	for (const listener of listeners) listener(names);
}
