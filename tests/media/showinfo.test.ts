import { describe, expect, it } from 'vitest';
import { readShown } from '../../inference-daemon/media/showinfo.ts';

const PICTURE =
	'n:   3 pts:   9600 pts_time:0.166667 pos:     3163 fmt:yuv420p sar:64/45 s:1080x1920 i:T iskey:0 type:P ';
const NEW_PICTURE =
	'n:  12 pts:  -7200 pts_time:-0.125   duration:   2400 duration_time:0.0416667 fmt:gbrp10le cl:left sar:7919/7907 s:16x8 i:P iskey:1 type:I ';
const SOUND =
	'n:7 pts:70368744178688 pts_time:1.5e+09 pos:-1 fmt:fltp channels:3 chlayout:3 channels (FL+FR+LFE) rate:48000 nb_samples:1024 checksum:00000000 ';

describe('what showinfo logs', () => {
	it('a picture, its clock and its colour', () => {
		expect(
			readShown(`[Parsed_showinfo_0 @ 0x55] [info] config in time_base: 1/57600, frame_rate: 24/1`),
		).toEqual([{ kind: 'clock', timeBase: { num: 1, den: 57_600 }, rate: { num: 24, den: 1 } }]);
		const frame = {
			kind: 'frame',
			isKept: false,
			pts: 9600,
			pixelFormat: 'yuv420p',
			pixelAspect: { num: 64, den: 45 },
			size: { width: 1080, height: 1920 },
			interlaced: true,
		};
		expect(readShown(`[Parsed_showinfo_0 @ 0x55] [info] ${PICTURE}`)).toEqual([frame]);
		expect(
			readShown(
				'[a @ 0x1] [warning] color_range:unknown color_space:smpte170m color_primaries:bt2020 color_trc:arib-std-b67',
			),
		).toEqual([
			{ kind: 'range', name: 'unknown' },
			{ kind: 'matrix', name: 'smpte170m' },
			{ kind: 'primaries', name: 'bt2020' },
			{ kind: 'transfer', name: 'arib-std-b67' },
		]);
	});

	it('every picture and sound of a line that several threads wrote into', () => {
		const line = `[info]   Stream #0:0${PICTURE}[info] ${SOUND}User Data=78${NEW_PICTURE}`;
		expect(readShown(line)).toMatchObject([
			{ kind: 'frame', isKept: false, pts: 9600 },
			{ kind: 'frame', isKept: true, pts: -7200, pixelFormat: 'gbrp10le', interlaced: false },
			{
				kind: 'sound',
				isKept: false,
				pts: 1024,
				rate: 48_000,
				channels: 3,
				layout: '3 channels (FL+FR+LFE)',
				samples: 1024,
			},
		]);
	});

	it('frames without a time, and lines that tell of none', () => {
		expect(readShown(PICTURE.replace('9600', 'NOPTS'))).toMatchObject([{ pts: null }]);
		expect(
			readShown('[info]   Duration: 00:00:02.01, start: 0.000000, bitrate: 2696 kb/s'),
		).toEqual([]);
	});
});
