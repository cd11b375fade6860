import type { StoreApi } from 'zustand/vanilla';
import type { Jobs } from './jobs.ts';
import { memoryOf } from './memory.ts';
import { hostOf } from './scene.ts';
import type { PanelState } from './state.ts';
import { FIRST_FILM_WISH, type FilmWish, filmWishOf } from './wish.ts';

/**
 * What is asked for belongs to the film that it is asked for: with another project open it is what
 * was asked for there, or, where nothing was yet in this panel, the words of its last press.
 */
export function followFilm(store: StoreApi<PanelState>): () => void {
	const elsewhere = new Map<string, FilmWish>();
	return store.subscribe((state) => {
		if (!state.hasJobs) return;
		const film = hostOf(state)?.state.project?.id ?? null;
		const { wish, jobs, shared } = state;
		if (film === null || film === wish.film) return;
		if (wish.film !== null) elsewhere.set(wish.film, filmWishOf(wish));
		const last = lastPrompt(jobs, film);
		// A job has only the beginning of a long one.
		const whole = memoryOf(shared).prompts.find((prompt) => prompt.startsWith(last));
		const first = { ...FIRST_FILM_WISH, prompt: last === '' ? '' : (whole ?? last) };
		store.setState({ wish: { ...wish, ...(elsewhere.get(film) ?? first), film }, refusal: null });
	});
}

function lastPrompt(jobs: Jobs, film: string): string {
	let last: { readonly createdAt: string; readonly prompt: string } | null = null;
	for (const job of jobs.values()) {
		const isIts = job.landings.some(({ destination }) => destination.project.id === film);
		if (isIts && (last === null || job.createdAt > last.createdAt)) last = job;
	}
	return last?.prompt ?? '';
}
