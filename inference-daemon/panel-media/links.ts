import { openWithSystem } from '../../files/open-with-system.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Link } from '../../protocol/media.ts';

const LINKS: Readonly<Record<Link, string>> = {
	licence: 'https://huggingface.co/Lightricks/LTX-2/blob/main/LICENSE',
	weights: 'https://huggingface.co/Lightricks/LTX-2',
	gemma: 'https://huggingface.co/google/gemma-3-12b-it-qat-q4_0-unquantized',
	ffmpeg: 'https://ffmpeg.org/download.html',
};

/** Throws `system-refused` where the system has no browser to open it in. */
export async function openLink(link: Link): Promise<void> {
	if (await openWithSystem(LINKS[link])) return;
	throw new PickupError(
		'system-refused',
		'Expected the system to have a browser to open a page in',
		{
			action: `Open it yourself: ${LINKS[link]}`,
		},
	);
}
