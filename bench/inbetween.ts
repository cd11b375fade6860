import { findFfmpeg } from '../inference-daemon/media/locate.ts';
import { measureFootage } from './inbetween/footage.ts';
import { measureSpeed } from './inbetween/speed.ts';

const setting = (name: string) =>
	process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);

const footage = setting('footage');
const ffmpeg = await findFfmpeg();
if (footage === undefined) await measureSpeed(ffmpeg);
else await measureFootage(ffmpeg, footage, Number(setting('width') ?? 640));
