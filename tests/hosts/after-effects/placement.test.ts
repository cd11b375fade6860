import { describePlacements } from '../placement-table.ts';
import { afterEffectsHost } from './cases.ts';

describePlacements([afterEffectsHost('simulated After Effects')]);
