import type { CompModel, Model } from './model.ts';

/** A composition of the model as a project of MLT: a track for each layer, bottom up. */
export function mltOf(model: Model, comp: CompModel): string {
	const { num, den } = comp.rate;
	const frameOf = (seconds: number) => Math.round((seconds * num) / den);
	const length = frameOf(comp.duration);
	const bottomUp = [...comp.layers].reverse();
	const services: string[] = [];
	const lists = bottomUp.map((layer, at) => {
		const item = model.items.find(({ id }) => id === layer.source);
		if (item?.type !== 'footage' || item.file === null || layer.stretch !== 100) return '';
		const [start, end] = [frameOf(layer.inPoint), frameOf(layer.outPoint)];
		const into = start - frameOf(layer.startTime);
		services.push(
			`<producer id="clip-${at}" in="0" out="${into + end - start - 1}">${properties({
				length: into + end - start,
				eof: 'pause',
				resource: item.file,
				mlt_service: 'avformat-novalidate',
				'set.test_image': layer.enabled ? 0 : 1,
				'set.test_audio': layer.audioEnabled ? 0 : 1,
			})}</producer>`,
		);
		const blank = start > 0 ? `<blank length="${start}"/>` : '';
		return `${blank}<entry producer="clip-${at}" in="${into}" out="${into + end - start - 1}"/>`;
	});
	const playlists = lists.map((list, at) => `<playlist id="layer-${at}">${list}</playlist>`);
	const black = `<producer id="black" in="0" out="${length - 1}">${properties({ length, resource: 'black', mlt_service: 'color' })}</producer>`;
	const tracks = lists.map((_, at) => `<track producer="layer-${at}"/>`).join('');
	const joins = lists.map((_, at) => {
		const both = { a_track: 0, b_track: at + 1, always_active: 1 };
		const mix = properties({ ...both, mlt_service: 'mix', sum: 1 });
		const over = properties({ ...both, mlt_service: 'composite', fill: 1 });
		return `<transition>${mix}</transition><transition>${over}</transition>`;
	});
	return `<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" producer="main">
<profile frame_rate_num="${num}" frame_rate_den="${den}" width="${comp.width}" height="${comp.height}" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="${comp.width}" display_aspect_den="${comp.height}" colorspace="709"/>
${[black, ...services, ...playlists].join('\n')}
<tractor id="main" in="0" out="${length - 1}"><track producer="black"/>${tracks}${joins.join('')}</tractor>
</mlt>
`;
}

function properties(values: Readonly<Record<string, string | number>>): string {
	return Object.entries(values)
		.map(([name, value]) => `<property name="${name}">${value}</property>`)
		.join('');
}
