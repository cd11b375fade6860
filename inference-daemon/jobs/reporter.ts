import { join } from 'node:path';
import { writeWhole } from '../../files/write-whole.ts';
import type { PauseReason } from '../../protocol/jobs.ts';
import type { Reporting } from '../engines/engine.ts';
import type { Log } from '../log.ts';
import { PNG_SIGNATURE } from '../media/png.ts';
import type { Journal } from './journal.ts';

/** Least time between two progress events of a job, in ms. */
const PROGRESS_EVERY = 200;

/** Least time between two previews of a job, in ms. */
const PREVIEW_EVERY = 500;

const LARGEST_PREVIEW = 4_000_000;

export type Reporter = {
	readonly report: Reporting['report'];
	/** It stands now, or goes on; what it has reported before is told before that. */
	readonly pause: (pause: PauseReason | null) => void;
	close(): Promise<void>;
};

/**
 * Turns what an engine says of a running job into events: progress never moves backwards and comes
 * no more often than anybody can see, the latest of it without fail.
 */
export function reportTo(
	{ journal, previews, log }: { journal: Journal; previews: string; log: Log },
	jobId: string,
): Reporter {
	// The clock that nobody sets, so that a job is not silent for an hour when the other is put back.
	let sent = { at: Number.NEGATIVE_INFINITY, progress: 0, phase: '' };
	let latest = sent;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let previewAt = Number.NEGATIVE_INFINITY;
	let writing = Promise.resolve();

	function send(): void {
		timer = undefined;
		if (latest.progress === sent.progress && latest.phase === sent.phase) return;
		sent = { ...latest, at: performance.now() };
		try {
			journal.progress(jobId, sent.progress, sent.phase);
		} catch (error) {
			log.error(`progress of ${jobId}: ${error}`);
		}
	}

	function pause(reason: PauseReason | null): void {
		clearTimeout(timer);
		send();
		try {
			journal.pause(jobId, reason);
		} catch (error) {
			log.error(`the pause of ${jobId}: ${error}`);
		}
	}

	async function keep(png: Uint8Array): Promise<void> {
		await writeWhole(join(previews, `${jobId}.png`), png, { mode: 0o600 });
		journal.preview(jobId);
	}

	function takeProgress(progress: number, phase: string): void {
		const bounded = Number.isFinite(progress) ? Math.min(1, Math.max(0, progress)) : 0;
		latest = { at: 0, progress: Math.max(latest.progress, bounded), phase: phase.slice(0, 200) };
		timer ??= setTimeout(send, Math.max(0, sent.at + PROGRESS_EVERY - performance.now()));
	}

	function takePreview(png: Uint8Array): void {
		const isPng = PNG_SIGNATURE.equals(png.subarray(0, PNG_SIGNATURE.length));
		if (!isPng || png.length > LARGEST_PREVIEW || performance.now() - previewAt < PREVIEW_EVERY)
			return;
		previewAt = performance.now();
		writing = writing
			.then(() => keep(png))
			.catch((error: Error) => log.error(`preview of ${jobId}: ${error.message}`));
	}

	return {
		pause,
		report(report) {
			if (report.kind === 'progress') takeProgress(report.progress, report.phase);
			else takePreview(report.png);
		},
		async close() {
			clearTimeout(timer);
			await writing;
		},
	};
}
