import type * as z from 'zod';
import { PickupError } from '../../../../protocol/errors.ts';

/**
 * A network's configuration as `schema` wants it. Throws PickupError `bad-weights` that tells of
 * each wrong key what was expected and what came; `where` is where the metadata have it.
 */
export function readConfig<T>(schema: z.ZodType<T>, config: unknown, where: string): T {
	const read = schema.safeParse(config);
	if (read.success) return read.data;
	const said = read.error.issues.map(({ path, message }) => {
		const got = path.reduce<unknown>(
			(at, key) => (at as Record<PropertyKey, unknown>)[key],
			config,
		);
		return `${[where, ...path].join('.')}: ${message}, got ${JSON.stringify(got) ?? 'nothing'}`;
	});
	throw new PickupError(
		'bad-weights',
		`Expected a configuration that this version knows in the file’s metadata: ${said.join('; ')}`,
	);
}
