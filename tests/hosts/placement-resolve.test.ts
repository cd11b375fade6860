import { describePlacements } from './placement-table.ts';
import { endAllResolves } from './resolve.ts';
import { RESOLVE } from './resolve-cases.ts';

describePlacements([RESOLVE], endAllResolves);
