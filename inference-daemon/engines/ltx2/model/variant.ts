import { basename } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { DescribedFile } from '../weights/describe.ts';

/**
 * Whether a model is distilled, by what holds its transformer and by nothing that lies beside it.
 * Distilled weights have the names and shapes of those they were made from: where the metadata does
 * not tell, the name that its makers gave the file has to, and where that does not, it is taken for
 * distilled and a note says so. The connectors were trained with their transformer: those of the
 * other variant make other pictures. Throws PickupError `bad-weights` where files contradict each
 * other.
 */
export function variantOfModel(
	transformers: readonly DescribedFile[],
	connectors: readonly DescribedFile[],
): { readonly distilled: boolean; readonly notes: readonly string[] } {
	const said = transformers.map((one) => ({ path: one.path, variant: variantOf(one) }));
	const [dev, distilled] = [of('dev'), of('distilled')];
	if (dev && distilled) {
		throw new PickupError(
			'bad-weights',
			`Expected one transformer, got a dev one in ${dev.path} and a distilled one in ${distilled.path}`,
			{ field: dev.path, action: 'Put the parts of one model into the folder.' },
		);
	}
	const main = dev ?? distilled;
	if (main) {
		const other = connectors.find((one) => !['unknown', main.variant].includes(variantOf(one)));
		if (other) throw unlike(main, { path: other.path, variant: variantOf(other) });
		return { distilled: main.variant === 'distilled', notes: [] };
	}
	const name = basename(said[0]!.path);
	const note = `Nothing in ${name} tells whether it is dev or distilled: taken for distilled. If it is dev, put "dev" into its name.`;
	return { distilled: true, notes: [note] };

	function of(wanted: string) {
		return said.find(({ variant }) => variant === wanted);
	}
}

type Said = Pick<DescribedFile, 'path' | 'variant'>;

function unlike(transformer: Said, connectors: Said): PickupError {
	return new PickupError(
		'bad-weights',
		`Expected connectors of a ${transformer.variant} model, as the transformer in ${transformer.path} is; got ${connectors.variant} ones in ${connectors.path}`,
		{ field: connectors.path, action: 'Put the parts of one model into the folder.' },
	);
}

function variantOf({ path, variant }: DescribedFile): DescribedFile['variant'] {
	if (variant !== 'unknown') return variant;
	const words = basename(path)
		.toLowerCase()
		.split(/[^a-z]+/);
	const isDev = words.includes('dev');
	const isDistilled = words.includes('distilled') || words.includes('distill');
	if (isDev === isDistilled) return 'unknown';
	return isDev ? 'dev' : 'distilled';
}
