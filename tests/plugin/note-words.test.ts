import { expect, it } from 'vitest';
import { goOnInLess } from '../../inference-daemon/engines/ltx2/less-memory.ts';
import { memoryLine } from '../../inference-daemon/engines/ltx2/plan/memory-line.ts';
import { noteSays } from '../../plugin/state/note-words.ts';
import { phaseWords } from '../../plugin/state/phase-words.ts';
import { LANGUAGES } from '../../plugin/strings/languages.ts';

it('That a shot goes on with less memory is said in the panel’s language as it is made', async () => {
	const notes: string[] = [];
	const told = { signal: new AbortController().signal, note: (text: string) => notes.push(text) };
	const error = new Error('std::bad_alloc');
	await goOnInLess(told, 'making the sound', error, () => 'in smaller tiles');
	await goOnInLess(told, 'making the shot', error, () => 'with one block at a time');
	expect(notes).toHaveLength(2);
	for (const words of Object.values(LANGUAGES)) {
		for (const note of notes) expect(phaseWords(words, note)).toBe(words.notes.lessMemory);
		expect(phaseWords(words, 'Something else')).toBe('Something else');
	}
});

it('How the model lies in memory is said in the panel’s language', () => {
	const card = { provider: 'cuda', name: 'NVIDIA RTX', free: 5e9, hasTimeLimit: true } as const;
	const device = {
		...card,
		memory: 12 * 2 ** 30,
		largestBuffer: null,
		speeds: null,
		machine: 64e9,
	};
	const says = (resident: number, provider: 'cuda' | 'cpu', fits = true) => {
		const plan = { format: 'int8', resident, streamed: 48 - resident, fits } as const;
		return memoryLine({ ...device, provider }, plan);
	};
	for (const words of Object.values(LANGUAGES)) {
		const { memory } = words.notes;
		const named = 'NVIDIA RTX, 12 GB, 4.7 free';
		expect(noteSays(words, says(48, 'cuda'))).toBe(memory(named, 48, 48, '8'));
		expect(noteSays(words, says(18, 'cuda'))).toBe(memory(named, 18, 48, '8'));
		expect(noteSays(words, says(1, 'cuda'))).toBe(memory(named, 1, 48, '8'));
		expect(noteSays(words, says(0, 'cuda', false))).toBe(memory(named, 0, 48, '8'));
		expect(noteSays(words, says(0, 'cpu'))).toBe(memory('NVIDIA RTX, 60 GB', 0, 48, '8'));
	}
});
