/** A message is read by people: of a long list they need its beginning and how long it is. */
const MOST = 100;

/** `a; b; c`, and how many more there are. */
export function listed(items: readonly string[], separator = '; ', most = MOST): string {
	const more = items.length > most ? [`and ${items.length - most} more`] : [];
	return [...items.slice(0, most), ...more].join(separator);
}
