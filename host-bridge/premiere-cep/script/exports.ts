import { told } from '../../extendscript/told.ts';

/** When Media Encoder told last of a job that goes on, in ms since 1970. */
let heard: number | null = null;

/** Has Media Encoder tell of its jobs, where it does. */
export function watchExports(): void {
	told(() => {
		app.encoder.bind('onEncoderJobProgress', () => {
			heard = now();
		});
		app.encoder.bind('onEncoderJobComplete', ended);
		app.encoder.bind('onEncoderJobError', ended);
		app.encoder.bind('onEncoderJobCanceled', ended);
	});
}

/** For how long nothing has been heard of the job that goes on, in ms; null where none does. */
export function silence(): number | null {
	return heard === null ? null : now() - heard;
}

function now(): number {
	// biome-ignore lint/complexity/useDateNow: ES3 has none
	return new Date().getTime();
}

function ended(): void {
	heard = null;
}
