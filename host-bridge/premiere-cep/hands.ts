import { PickupError } from '../../protocol/errors.ts';
import type { ScriptLink } from '../cep/script-link.ts';
import type { Act, Hands } from '../premiere/edit.ts';
import { importOnce } from '../premiere/import-once.ts';
import { cutOf, ticksOf } from './cut.ts';
import type { PremiereCalls } from './script/main.ts';
import type { RawAct, RawSequence } from './script/raw.ts';

export type PremiereScript = Pick<ScriptLink<PremiereCalls>, 'call'>;

/** The script's acts in a sequence. Each is an undo step: scripts of Premiere have no groups of them. */
export function handsOn(
	script: PremiereScript,
	sequence: string,
	ticksPerFrame: bigint,
): Hands<string> {
	let signature = '';
	return {
		sequence,
		ticksPerFrame,
		async read() {
			const raw = await readSequence(script, sequence);
			signature = raw.signature;
			return cutOf(raw);
		},
		async importOnce(path) {
			const { ticks } = await importOnce(
				path,
				() => script.call('lookFor', { path }),
				() => script.call('startImport', { path }),
			);
			return ticksOf(ticks);
		},
		async act(_label, acts) {
			const raw = acts.map((act) => rawAct(act, ticksPerFrame));
			await script.call('act', { sequence, signature, acts: raw });
		},
		async note(operation, paths) {
			await script.call('note', { operation, paths: [...paths] });
		},
	};
}

/** Throws `no-such-host` where it is not open. */
export async function readSequence(script: PremiereScript, id: string): Promise<RawSequence> {
	const raw = await script.call('sequence', { id });
	if (raw) return raw;
	throw new PickupError('no-such-host', 'That sequence is not open in Premiere', {
		field: 'sequence',
	});
}

function rawAct(act: Act<string>, ticksPerFrame: bigint): RawAct {
	if (act.kind === 'remove') return { kind: 'remove', clips: [...act.items] };
	if (act.kind === 'dress') return act;
	const { path, start, from, length, isWhole, video, audio } = act;
	const span = (first: number) => ({
		start: (BigInt(first) * ticksPerFrame).toString(),
		end: (BigInt(first + length) * ticksPerFrame).toString(),
	});
	return { kind: 'put', path, at: span(start), of: isWhole ? null : span(from), video, audio };
}
