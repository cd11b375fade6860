import { openAgent, placing } from './timeline-agent.ts';

/**
 * A program that has takes placed above one another, each with an operation of its own that is the
 * same whenever it is started: it goes on where it was ended.
 */
const [file = '', ...takes] = process.argv.slice(2);
const { cut, edit } = await openAgent(file);
for (const [at, take] of takes.entries()) {
	const operation = `00000000-0000-4000-8000-00000000000${at}`;
	await edit(placing(await cut(), take, 'above'), operation);
}
