/** A message as a sentence among others. */
export function ended(message: string): string {
	return /[.!?。]$/.test(message) ? message : `${message}.`;
}
