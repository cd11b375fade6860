import { PickupError } from '../protocol/errors.ts';
import type { Card } from './card.ts';
import type { GpuList } from './list.ts';

/** Why CUDA could not use the card, whatever were fetched; null where nothing speaks against it. */
export function unfit({ name, driver, compute }: Card, list: GpuList): PickupError | null {
	if (compute !== null && compute < list.compute) {
		return new PickupError(
			'engine-unavailable',
			`Expected a card of compute capability ${list.compute} or newer, got ${name} with ${compute}`,
			{ action: 'Nothing to do: WebGPU computes on it as it is.' },
		);
	}
	if (driver !== null && Number.parseInt(driver, 10) < list.driver) {
		return new PickupError(
			'engine-unavailable',
			`Expected a driver of NVIDIA’s of version ${list.driver} or newer for ${name}, got ${driver}`,
			{ action: 'Update NVIDIA’s driver, then run `pickup setup gpu` again.' },
		);
	}
	return null;
}
