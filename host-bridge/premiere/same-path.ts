/** Windows writes one path in several ways. */
export function samePath(a: string, b: string): boolean {
	const plain = (path: string) => {
		const isWindows = /^([a-z]:|\\\\)/i.test(path);
		return isWindows ? path.replaceAll('\\', '/').toLowerCase() : path;
	};
	return plain(a) === plain(b);
}
