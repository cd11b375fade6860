import type { EngineOption } from './option.ts';

export const LTX2_OPTIONS = [
	{ kind: 'folder', name: 'model', help: 'folder with the weights', default: '' },
	{
		kind: 'number',
		name: 'steps',
		help: 'steps of the first stage',
		least: 1,
		most: 200,
		whole: true,
		default: 'auto',
	},
	{
		kind: 'choice',
		name: 'stages',
		help: '2 finishes at twice the size',
		choices: ['auto', '1', '2'],
		default: 'auto',
	},
	{
		kind: 'number',
		name: 'context',
		help: 'how much of each neighbour the model looks at',
		least: 0,
		most: 5,
		whole: false,
		unit: 'seconds',
		default: 1,
	},
	{
		kind: 'pixels',
		name: 'pixels',
		help: 'size to work at, in the cut’s own shape',
		least: 32 * 32,
		most: 4096 * 2304,
		default: 'auto',
	},
	{
		kind: 'choice',
		name: 'sampler',
		help: 'how a step is taken',
		choices: ['auto', 'euler', 'ancestral', 'res_2s'],
		default: 'auto',
	},
	{
		kind: 'choice',
		name: 'provider',
		help: 'what computes',
		choices: ['auto', 'cpu', 'webgpu', 'cuda'],
		default: 'auto',
	},
] as const satisfies readonly EngineOption[];
