import { createContext, runInContext } from 'node:vm';

/** What the third edition of ECMAScript has: of each global its own members, and those of its prototype. */
const ES3: Readonly<Record<string, readonly [own: string, prototype: string]>> = {
	Object: [
		'prototype',
		'constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf',
	],
	Function: ['prototype', 'constructor length name prototype apply call toString'],
	Array: [
		'prototype',
		'constructor length concat join pop push reverse shift slice sort splice toLocaleString toString unshift',
	],
	String: [
		'prototype fromCharCode',
		'constructor length charAt charCodeAt concat indexOf lastIndexOf localeCompare match replace search slice split substr substring toLocaleLowerCase toLocaleUpperCase toLowerCase toString toUpperCase valueOf',
	],
	Number: [
		'prototype MAX_VALUE MIN_VALUE NEGATIVE_INFINITY NaN POSITIVE_INFINITY',
		'constructor toExponential toFixed toLocaleString toPrecision toString valueOf',
	],
	Boolean: ['prototype', 'constructor toString valueOf'],
	RegExp: ['prototype', 'constructor exec test toString global ignoreCase multiline source flags'],
	Date: [
		'prototype parse UTC',
		`constructor toString toDateString toTimeString toLocaleString toLocaleDateString toLocaleTimeString valueOf getTime getTimezoneOffset toUTCString ${[
			...['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'].flatMap(
				(part) => [`get${part}`, `getUTC${part}`, `set${part}`, `setUTC${part}`],
			),
			...['getDay', 'getUTCDay', 'setTime'],
		].join(' ')}`,
	],
	Error: ['prototype', 'constructor message name toString'],
	Math: [
		'E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log max min pow random round sin sqrt tan',
		'',
	],
};

/** Globals without members of interest. */
const OTHERS = [
	...['undefined', 'NaN', 'Infinity', 'eval', 'parseInt', 'parseFloat', 'isNaN', 'isFinite'],
	...['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent', 'escape', 'unescape'],
	...['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
];

/** An engine that has the builtins of ES3 alone, and what it is given as globals. */
export type ScriptEngine = {
	/** The last value of the script. Throws what it throws. */
	readonly run: (script: string, fileName?: string) => unknown;
	readonly global: Record<string, unknown>;
};

export function openEngine(globals: Readonly<Record<string, unknown>> = {}): ScriptEngine {
	const context = createContext({});
	const inside = runInContext('this', context) as Record<string, unknown>;
	for (const [name, [own, prototype]] of Object.entries(ES3)) {
		const builtin = inside[name] as { prototype?: object };
		if (builtin.prototype) reduce(builtin.prototype, prototype.split(' '));
		reduce(builtin, ['length', 'name', ...own.split(' ')]);
	}
	reduce(inside, [...Object.keys(ES3), ...OTHERS]);
	Object.assign(inside, globals);
	return {
		run: (script, filename = 'script.jsx') => runInContext(script, context, { filename }),
		global: inside,
	};
}

/** Takes everything away from an object that it should not have. */
function reduce(object: object, names: readonly string[]): void {
	for (const key of Reflect.ownKeys(object)) {
		if (typeof key === 'string' && names.includes(key)) continue;
		Reflect.deleteProperty(object, key);
	}
}
