import { drawn, tries } from '../../tries.ts';
import { describePlacementFaults, type FaultyCase } from '../placement-faults.ts';
import { FAULTY_AFTER_EFFECTS } from './cases.ts';

describePlacementFaults(FAULTY_AFTER_EFFECTS, pick, async () => {});

/** Each fault in a case that is drawn among those in which a clip lands; all pairs in a soak. */
function pick(pairs: readonly FaultyCase[]): readonly FaultyCase[] {
	if (tries(0, 1) === 1) return pairs;
	return FAULTY_AFTER_EFFECTS.faults.map((fault, index) => {
		const among = pairs.filter((each) => each.fault === fault && each.of.end.lands);
		return drawn(among, index);
	});
}
