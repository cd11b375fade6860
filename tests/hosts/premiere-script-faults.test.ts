import { describePremiereFaults } from './premiere-faults.ts';
import { SCRIPTS } from './premiere-interfaces.ts';

describePremiereFaults(SCRIPTS);
