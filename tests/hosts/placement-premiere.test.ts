import { describePlacements } from './placement-table.ts';
import { forgetPlugin, premiere } from './premiere-cases.ts';

describePlacements([premiere()], forgetPlugin);
