import fc from 'fast-check';
import { tries } from '../tries.ts';
import { describePlacementFaults, type FaultyCase } from './placement-faults.ts';
import { endAllResolves } from './resolve.ts';
import { FAULTY_RESOLVE } from './resolve-cases.ts';

describePlacementFaults(FAULTY_RESOLVE, pick, endAllResolves);

/** Each fault once, in a case that is drawn; all pairs in a soak. */
function pick(pairs: readonly FaultyCase[]): readonly FaultyCase[] {
	if (tries(0, 1) === 1) return pairs;
	return FAULTY_RESOLVE.faults.map((fault, index) => {
		const among = pairs.filter((each) => each.fault === fault);
		return fc.sample(fc.constantFrom(...among), { seed: 14 + index, numRuns: 1 })[0]!;
	});
}
