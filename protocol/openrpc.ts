import * as z from 'zod';
import { ERROR_CODES } from './errors.ts';
import { agentMethods } from './hosts.ts';
import { methods, notifications, PROTOCOL_VERSION, RPC_ERRORS } from './rpc.ts';

/** The protocol as an OpenRPC 1.3 document, made from the schemas that the daemon checks with. */
export function openrpcDocument(): Record<string, unknown> {
	const shared: Record<string, unknown> = {};
	const schema = (type: z.core.$ZodType, io: 'input' | 'output') => hoist(type, io, shared);
	return {
		openrpc: '1.3.2',
		info: {
			title: 'Pickup daemon',
			version: String(PROTOCOL_VERSION),
			description: 'JSON-RPC 2.0 over a WebSocket on 127.0.0.1; params are always by name.',
			license: { name: 'Apache-2.0' },
		},
		methods: described(methods, schema),
		'x-agent-methods': described(agentMethods, schema),
		'x-notifications': Object.entries(notifications).map(([name, notification]) => ({
			name,
			summary: notification.summary,
			params: schema(notification.params, 'output'),
		})),
		'x-codes': ERROR_CODES,
		components: { schemas: shared },
	};
}

type Described = {
	readonly summary: string;
	readonly params: z.ZodObject;
	readonly result: z.core.$ZodType;
};

function described(
	methods: Readonly<Record<string, Described>>,
	schema: (type: z.core.$ZodType, io: 'input' | 'output') => unknown,
) {
	return Object.entries(methods).map(([name, method]) => ({
		name,
		summary: method.summary,
		paramStructure: 'by-name',
		params: Object.entries(method.params.shape).map(([param, type]) => ({
			name: param,
			required: !z.safeParse(type, undefined).success,
			schema: schema(type, 'input'),
		})),
		result: { name: 'result', schema: schema(method.result, 'output') },
		errors: [{ code: RPC_ERRORS.pickup, message: 'A Problem in data, with one of x-codes' }],
	}));
}

/**
 * One type as JSON Schema, its named parts moved to `shared`. A part whose defaults are filled in
 * differs between what is sent and what is kept; the latter is then called `…Kept`.
 */
function hoist(
	type: z.core.$ZodType,
	io: 'input' | 'output',
	shared: Record<string, unknown>,
): unknown {
	const suffix = io === 'output' ? 'Kept' : '';
	const whole: Record<string, unknown> = z.toJSONSchema(type, { io, target: 'draft-7' });
	const { $schema: _, definitions = {}, ...rest } = whole;
	const sent = { ...shared };
	const rename = (value: unknown, names: ReadonlySet<string>) =>
		JSON.parse(
			JSON.stringify(value).replaceAll(
				/"#\/definitions\/(\w+)"/g,
				(_match, name: string) => `"#/components/schemas/${name}${names.has(name) ? suffix : ''}"`,
			),
		);
	const differing = new Set<string>();
	for (let grew = true; grew; ) {
		grew = false;
		for (const [name, definition] of Object.entries(definitions as Record<string, unknown>)) {
			if (differing.has(name) || !(name in sent)) continue;
			if (JSON.stringify(sent[name]) !== JSON.stringify(rename(definition, differing))) {
				differing.add(name);
				grew = true;
			}
		}
	}
	for (const [name, definition] of Object.entries(definitions as Record<string, unknown>)) {
		shared[`${name}${differing.has(name) ? suffix : ''}`] = rename(definition, differing);
	}
	return rename(rest, differing);
}
