import type { Form } from '../../protocol/media.ts';

/** What this browser plays. */
export function playableForm(): Form {
	const probe = document.createElement('video');
	const h264 = probe.canPlayType('video/mp4; codecs="avc1.640028, mp4a.40.2"');
	return h264 === '' ? 'vp9' : 'h264';
}
