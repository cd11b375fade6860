import { TIMELINE_FILES } from './placement-hosts.ts';
import { describePlacements } from './placement-table.ts';

describePlacements(TIMELINE_FILES);
