import { PickupError } from '../../protocol/errors.ts';

/**
 * What was read, or the complaint where it makes no sense: for what a timeline is whole without, as
 * the media of a clip whose place is known.
 */
export function readable<T>(read: () => T): T | Error {
	try {
		return read();
	} catch (error) {
		// Exact time refuses numbers that no timeline has.
		if (error instanceof PickupError || error instanceof RangeError) return error;
		throw error;
	}
}
