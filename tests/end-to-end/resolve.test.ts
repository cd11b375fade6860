import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { openPage } from '../browser.ts';
import { connect, readPortFile, until } from '../daemon/harness.ts';
import { timelineForMelt } from '../fakes/resolve/mlt.ts';
import {
	endAllResolves,
	type Resolve,
	type ResolveItem,
	type ResolveModel,
	startResolve,
} from '../hosts/resolve.ts';
import { START } from '../hosts/resolve-film.ts';
import { describeFilm, FILM, type FilmEditor, type FilmStage } from './editor-film.ts';

const COLOUR_OF_DRAFTS = 'Apricot';

let resolve: Resolve;
/** The daemon's folder. */
let state: string;

/** In the browser that the script has opened the panel in. */
describeFilm(async (stage) => {
	state = stage.daemon.state;
	resolve = await startResolve(resolveFilm(stage), { state, home: join(stage.folder, 'home') });
	const [address = ''] = await until('the panel', async () => {
		const addresses = await resolve.opened();
		return addresses.length > 0 && addresses;
	});
	const page = await openPage({ width: 360, height: 900 });
	await page.goto(address);
	const { port, token } = stage.daemon;
	return {
		editor: editorOf(resolve),
		panel: {
			page,
			startsDaemon: false,
			async follow(now) {
				if (now.port === port && now.token === token) return;
				await page.goto(
					address.replace(`:${port}/`, `:${now.port}/`).replace(`=${token}`, `=${now.token}`),
				);
			},
		},
		close: endAllResolves,
	};
});

test('Nothing was used that Blackmagic does not publish, and the script ends with Resolve', async () => {
	expect(await resolve.beyond()).toEqual([]);
	await resolve.run('studio.quits = True');
	await resolve.ended;
	expect(resolve.said()).toContain('Pickup: Resolve has quit.');
	const peer = await connect(await readPortFile(state));
	await until('it to have gone', async () => {
		return (await peer.call('host.watch', {})).hosts.length === 0;
	});
	await peer.close();
});

/** The film as a timeline of Resolve, of a version that counts in floats and refuses a first attempt. */
function resolveFilm({ left, right }: FilmStage): ResolveModel {
	const { shot } = FILM;
	const shots = [
		{ id: 'left', path: left, start: START },
		{ id: 'right', path: right, start: START + FILM.right },
	];
	const media = shots.map(({ id, path }) => ({
		id,
		name: basename(path),
		bin: '',
		path,
		fps: '24',
		frames: shot,
		video: true,
		audio: true,
	}));
	const tracks = (['video', 'audio'] as const).map((kind) => ({
		kind,
		items: shots.map(({ id, start }): ResolveItem => {
			return { id: `${id} ${kind}`, name: id, start, duration: shot, media: id };
		}),
	}));
	const timeline = { id: 't', name: 'Reel 1', rate: '24', start: START, playhead: START + 10 };
	return {
		project: { id: 'p', name: 'Film' },
		media,
		timelines: [{ ...timeline, size: [160, 90], tracks }],
		faults: ['frames-as-floats', 'delete-flaky'],
	};
}

function editorOf({ run, model }: Resolve): FilmEditor {
	const added = async () => {
		const { media, timelines } = await model();
		return timelines[0]!.tracks.flatMap(({ kind, items }) =>
			items
				.map(({ start, duration, media: id, colour }) => ({
					kind,
					start: start - START,
					end: start - START + duration,
					path: media.find((each) => each.id === id)?.path ?? null,
					colour,
				}))
				.filter(({ start }) => start >= FILM.gap.start && start < FILM.gap.end),
		);
	};
	return {
		program: 'DaVinci Resolve',
		putPlayhead: (frame) => run(`studio.timelines[0]["playhead"] = ${START + frame}`),
		inGap: async () =>
			(await added()).map(({ kind, start, end, path }) => ({ kind, start, end, path })),
		hasDraftColour: async () => (await added()).every((each) => each.colour === COLOUR_OF_DRAFTS),
		back: 'take out',
		goBack: () =>
			run(`
taken = [(track, list(track["items"])) for track in studio.timelines[0]["tracks"]]
for track, items in taken:
    track["items"] = [each for each in items if not each["name"].startswith("Pickup")]`),
		goForth: () => run('for track, items in taken: track["items"] = items'),
		mlt: async () => timelineForMelt(await model()),
	};
}
