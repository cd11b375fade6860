import { Exporting } from '../premiere/exporting.ts';
import type { Premiere } from './surroundings.ts';

/** What Media Encoder tells from now on; nothing in a Premiere without it. */
export function watchExports({ EncoderManager, EventManager }: Premiere): Exporting {
	const exporting = new Exporting();
	if (!EncoderManager || !EventManager) return exporting;
	const manager = EncoderManager.getManager();
	const on = (event: string, listener: () => void) =>
		EventManager.addEventListener(manager, event, listener);
	const end = () => exporting.end();
	on(EncoderManager.EVENT_RENDER_PROGRESS, () => exporting.progress());
	on(EncoderManager.EVENT_RENDER_COMPLETE, end);
	on(EncoderManager.EVENT_RENDER_ERROR, end);
	on(EncoderManager.EVENT_RENDER_CANCEL, end);
	return exporting;
}
