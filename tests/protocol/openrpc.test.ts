import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openrpcDocument } from '../../protocol/openrpc.ts';

test('openrpc.json is what the schemas say; `npm run openrpc` brings it up to date', async () => {
	const file = await readFile(new URL('../../protocol/openrpc.json', import.meta.url), 'utf8');
	expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(openrpcDocument())));
});
