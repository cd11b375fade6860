import { endAllBlenders } from './blender.ts';
import { BLENDERS } from './blender-cases.ts';
import { describePlacements } from './placement-table.ts';

describePlacements(BLENDERS, endAllBlenders);
