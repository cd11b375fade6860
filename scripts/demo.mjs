/** `npm run demo`: system programs, build, then the demo itself. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAll } from './build.mjs';
import { ensurePrograms } from './prerequisites.mjs';

ensurePrograms(['ffmpeg', 'melt']);
await buildAll();
await import(join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'demo.mjs'));
