import { drawn, tries } from '../tries.ts';
import { describePlacementFaults, type FaultyCase } from './placement-faults.ts';
import { endAllResolves } from './resolve.ts';
import { FAULTY_RESOLVE } from './resolve-cases.ts';

describePlacementFaults(FAULTY_RESOLVE, pick, endAllResolves);

/**
 * Each fault once, in a case that is drawn among those in which a clip lands, and for what goes wrong
 * with tracks in the one that needs a new track; all pairs in a soak.
 */
function pick(pairs: readonly FaultyCase[]): readonly FaultyCase[] {
	if (tries(0, 1) === 1) return pairs;
	return FAULTY_RESOLVE.faults.map((fault, index) => {
		const isOfTracks = /track-|AddTrack/.test(fault);
		const among = pairs.filter((each) => {
			const fits = isOfTracks ? each.of.name === 'no free audio track' : each.of.end.lands;
			return each.fault === fault && fits;
		});
		return drawn(among, index);
	});
}
