import { expect, it } from 'vitest';
import { goOnInLess } from '../../inference-daemon/engines/ltx2/less-memory.ts';
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
