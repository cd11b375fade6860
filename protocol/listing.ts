/** A message is read by people: of a long list they need its beginning and how long it is. */
const MOST = 100;

/** `a; b; c`, and how many more there are. */
export function listed(items: readonly string[], separator = '; '): string {
	const more = items.length > MOST ? [`and ${items.length - MOST} more`] : [];
	return [...items.slice(0, MOST), ...more].join(separator);
}
