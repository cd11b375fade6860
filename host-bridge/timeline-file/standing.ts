import { PickupError } from '../../protocol/errors.ts';
import type { Standing } from './format.ts';

/** For a clip that cannot be changed from outside its editor: what it is beside a clip of a file. */
export function notPlain({ track, range }: Standing, what: string): PickupError {
	return new PickupError(
		'placement-conflict',
		`Expected a plain clip on ${track} from frame ${range.start} to ${range.end}, got ${what}`,
		{ field: track, action: 'Change it in the editor that saved the timeline.' },
	);
}
