/** `node provider-probe.mjs PROVIDER`: the last line that it prints is a `Finding`. */
import { probe } from './probe.ts';
import type { Provider } from './provider.ts';

const finding = await probe(process.argv[2] as Provider);
process.stdout.write(`\n${JSON.stringify(finding)}\n`);
