import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clipAt } from '../../host-bridge/gap.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { MediaOf } from '../../protocol/media.ts';
import type { Size } from '../../protocol/schemas.ts';
import { framesToSeconds, ZERO } from '../../protocol/time.ts';
import { type ClipSpan, type Sequence, sourceTime, whyOffline } from '../../protocol/timeline.ts';
import type { Cuts } from '../hosts/cuts.ts';
import type { Connected, Hosts, Where } from '../hosts/hosts.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { FinishedClip } from './finished-clip.ts';
import type { Wanted } from './media-cache.ts';
import { fileKey, writePicture } from './still.ts';

export type FrameTools = {
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	readonly ffmpeg: () => Promise<Ffmpeg>;
};

/**
 * What the clip on a track shows at a sequence frame. Of a clip that is no file the editor draws the
 * composed picture, where it can. Throws `bad-request` where the track has no clip there,
 * `media-offline`, `media-unreadable` where neither a file nor the editor gives the picture.
 */
export async function frameOf(media: MediaOf<'frame'>, tools: FrameTools): Promise<Wanted> {
	const host = tools.hosts.openSequence(media.host);
	const { cut } = await tools.cuts.of(host, host.where);
	const { sequence } = cut;
	const clip = clipAt(cut, media.track, media.frame);
	if (clip === null) {
		throw new PickupError(
			'bad-request',
			`Expected a clip on ${media.track} at frame ${media.frame}, found none`,
			{ field: 'media.frame', action: 'The cut has changed there: read it again.' },
		);
	}
	const size = shapeOf(sequence, media.width);
	const { source } = clip;
	if (source.kind === 'offline') {
		throw new PickupError('media-offline', `“${clip.name}” is offline: ${whyOffline(source)}`, {
			field: clip.name,
		});
	}
	if (source.kind === 'synthetic') return composed(media, clip, host, size, tools);
	const at = sourceTime(clip, { num: media.frame, den: 1 }, sequence.rate);
	const file = await fileKey(source.path);
	const picture = {
		path: file.path,
		stream: clip.pictureStream,
		at,
		nearest: clip.nearestFrame === true,
		size,
	};
	return {
		key: ['frame', file, picture],
		extension: 'png',
		make: async (to, signal) => writePicture(to, picture, await tools.ffmpeg(), signal),
	};
}

/** A frame of a take, in the shape of the sequence that it was made for. */
export function takeFrameOf(
	{ clip, path, request, jobId, mark }: FinishedClip,
	{ frame, width }: MediaOf<'take-frame'>,
	ffmpeg: () => Promise<Ffmpeg>,
): Wanted {
	const at = framesToSeconds(Math.min(frame, clip.frames - 1), clip.rate);
	const picture = { path, at, size: shapeOf(request.context.sequence, width) };
	return {
		key: ['take-frame', jobId, mark, picture],
		extension: 'png',
		make: async (to, signal) => writePicture(to, picture, await ffmpeg(), signal),
	};
}

/** Square pixels in the shape of the sequence, even. */
export function shapeOf({ size, pixelAspect }: Sequence, width: number): Size {
	const aspect = (size.width * pixelAspect.num) / (size.height * pixelAspect.den);
	const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));
	return { width: even(width), height: even(width / aspect) };
}

function composed(
	{ frame }: MediaOf<'frame'>,
	clip: ClipSpan,
	{ agent, state, link, where }: Connected & { readonly where: Where },
	size: Size,
	{ ffmpeg }: FrameTools,
): Wanted {
	if (!agent.can.frame) {
		const what = clip.source.kind === 'synthetic' ? clip.source.what : clip.source.kind;
		throw new PickupError(
			'media-unreadable',
			`“${clip.name}” is no file to look into but: ${what}. ${agent.program} does not draw its picture`,
			{ field: clip.name, action: 'Render it into a file in the editor to see it here.' },
		);
	}
	return {
		key: ['composed', agent.id, where, state.revision, frame, size],
		extension: 'png',
		async make(to, signal) {
			const path = join(dirname(to), `${randomUUID()}.png`);
			try {
				await link.ask('agent.frame', { ...where, frame, path });
				await writePicture(to, { path, at: ZERO, size }, await ffmpeg(), signal);
			} finally {
				await rm(path, { force: true });
			}
		},
	};
}
