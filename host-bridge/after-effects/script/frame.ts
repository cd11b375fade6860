import { problem } from '../../extendscript/publish.ts';
import { compOf, mayWrite } from './read.ts';

/**
 * Asks for the picture of a moment. It is written after this has returned, as large as the viewer's
 * resolution says by then, so that this is set to full here and put back by `restoreResolution`.
 */
export function askForFrame({
	comp: id,
	time,
	path,
}: {
	comp: number;
	time: number;
	path: string;
}): { resolution: number[]; width: number; height: number } {
	const comp = compOf(id);
	if (comp === null) throw problem('no-such-host', 'That composition is not open');
	if (mayWrite() === false) throw mayNot();
	const { resolutionFactor, width, height } = comp;
	const resolution = [resolutionFactor[0], resolutionFactor[1]];
	if (resolution[0] !== 1 || resolution[1] !== 1) comp.resolutionFactor = [1, 1];
	comp.saveFrameToPng(time, new File(path));
	return { resolution, width, height };
}

export function restoreResolution({
	comp: id,
	resolution,
}: {
	comp: number;
	resolution: number[];
}): { width: number } {
	const comp = compOf(id);
	if (comp === null) return { width: 0 };
	const [across, down] = resolution as [number, number];
	if (comp.resolutionFactor[0] !== across || comp.resolutionFactor[1] !== down) {
		comp.resolutionFactor = [across, down];
	}
	return { width: comp.width };
}

function mayNot(): unknown {
	return problem(
		'host-refused',
		'After Effects does not let scripts write files',
		'Switch on “Allow Scripts to Write Files and Access Network” in Preferences › Scripting & Expressions.',
	);
}
