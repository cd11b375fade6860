import { basename, dirname, join, resolve } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import { listed } from '../../../../protocol/listing.ts';
import {
	broken,
	readSafetensors,
	readWhole,
	type Safetensors,
	type Tensor,
} from './safetensors.ts';

const LARGEST_INDEX = 100_000_000;

/**
 * The headers of a `.safetensors` file, or of all parts that a `.safetensors.index.json` lists, as
 * one file. Throws PickupError `bad-weights`.
 */
export function readWeights(file: string): Promise<Safetensors> {
	return file.toLowerCase().endsWith('.json') ? readShards(resolve(file)) : readSafetensors(file);
}

async function readShards(path: string): Promise<Safetensors> {
	const places = parseIndex(path, (await readWhole(path, LARGEST_INDEX)).toString('utf8'));
	const names = [...new Set(places.values())];
	const read = await Promise.allSettled(
		names.map((name) => readSafetensors(join(dirname(path), name))),
	);
	const errors = read.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
	if (errors.length > 0) throw errors.length === 1 ? errors[0] : together(path, errors);
	const shards = new Map(
		read.flatMap((one, i) => (one.status === 'fulfilled' ? [[names[i]!, one.value]] : [])),
	);
	const tensors = new Map<string, Tensor>();
	const missing: string[] = [];
	for (const [name, place] of places) {
		const tensor = shards.get(place)!.tensors.get(name);
		if (tensor) tensors.set(name, tensor);
		else missing.push(`${name} in ${place}`);
	}
	if (missing.length > 0)
		throw broken(path, `only tensors that are there: no ${listed(missing, ', ')}`);
	const files = [...shards.values()];
	return {
		path,
		tensors,
		bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
		metadata: Object.fromEntries(files.toReversed().flatMap((f) => Object.entries(f.metadata))),
	};
}

/** Names of tensors and the file, beside the index, that holds each. */
function parseIndex(path: string, text: string): Map<string, string> {
	let index: unknown;
	try {
		index = JSON.parse(text);
	} catch {
		throw broken(path, 'JSON');
	}
	const map = isRecord(index) ? index.weight_map : undefined;
	if (!isRecord(map)) throw broken(path, 'a weight_map of names and files');
	const places = new Map<string, string>();
	for (const [name, place] of Object.entries(map)) {
		if (typeof place !== 'string' || basename(place) !== place || /^\.*$|[\\:]/.test(place)) {
			throw broken(path, `for ${name} a file beside it, got ${JSON.stringify(place)}`);
		}
		places.set(name, place);
	}
	return places;
}

function together(path: string, errors: readonly unknown[]): PickupError {
	const said = errors.map((error) => (error instanceof Error ? error.message : String(error)));
	return new PickupError('bad-weights', listed(said), { field: path });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
