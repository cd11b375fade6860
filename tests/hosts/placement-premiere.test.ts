import { describePlacements } from './placement-table.ts';
import { premiere } from './premiere-cases.ts';
import { forgetPremiere, SCRIPTS, UXP } from './premiere-interfaces.ts';

describePlacements([premiere(UXP), premiere(SCRIPTS)], forgetPremiere);
