import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problemSchema } from '../../protocol/errors.ts';
import { type AgentMethod, agentMethods } from '../../protocol/hosts.ts';
import { type Method, methods } from '../../protocol/rpc.ts';

test('The exchange that is described for authors of agents is one', async () => {
	const page = await readFile(join(import.meta.dirname, '../../docs/host-agents.md'), 'utf8');
	const lines = [...page.matchAll(/^(agent|daemon) {2,3}(\{.*\})$/gm)];
	const asked = new Map<string, string>();
	let answers = 0;
	for (const [, side, text] of lines) {
		const message = JSON.parse(text ?? '');
		const { method, id } = message;
		if (method !== undefined) {
			expect(describe(side, method).params.parse(message.params)).toBeDefined();
			asked.set(`${side} ${id}`, method);
			continue;
		}
		const other = side === 'agent' ? 'daemon' : 'agent';
		const { result } = describe(other, asked.get(`${other} ${id}`) ?? '');
		if (message.error) problemSchema.parse(message.error.data);
		else result.parse(message.result);
		answers++;
	}
	expect(answers).toBeGreaterThan(4);
	expect(answers).toBe(asked.size);
});

function describe(side: string | undefined, method: string) {
	return side === 'agent' ? methods[method as Method] : agentMethods[method as AgentMethod];
}
