import type { Action, Properties, Sequence } from '@adobe/premierepro';
import type { Premiere } from './surroundings.ts';

/**
 * Which edits have been done is kept in the sequence, by the same transaction as the edit: who
 * undoes the one undoes the other, and a project that was not saved has neither.
 */

const KEY = 'pickup.operations';
const MOST = 200;

/** Null where this Premiere keeps no values with a sequence. */
export async function propertiesOf(ppro: Premiere, of: Sequence): Promise<Properties | null> {
	try {
		return (await ppro.Properties?.getProperties(of)) ?? null;
	} catch {
		return null;
	}
}

export function isNoted(properties: Properties, operation: string): boolean {
	return read(properties).includes(operation);
}

export function noteIn(
	ppro: Premiere,
	add: (action: Action) => void,
	properties: Properties,
	operation: string,
): void {
	const all = [...read(properties), operation].slice(-MOST).join(' ');
	const { PERSISTENT } = ppro.Constants.PropertyType;
	let action: Action;
	try {
		action = properties.createSetValueAction(KEY, all, PERSISTENT);
	} catch {
		// Then memory alone knows.
		return;
	}
	add(action);
}

function read(properties: Properties): readonly string[] {
	return properties.hasValue(KEY) ? properties.getValue(KEY).split(' ') : [];
}
