import type { Words } from '../strings/en.ts';

type Say = (notes: Words['notes'], ...parts: string[]) => string;

/** What engines note of a plan or of a shot that is being made, as they say it; what stands in brackets is said too. */
const NOTES: readonly (readonly [RegExp, Say])[] = [
	[/^A draft to judge timing with/, ({ draft }) => draft],
	[/^Nothing stands before it:/, ({ nothingBefore }) => nothingBefore],
	[/^Nothing stands after it:/, ({ nothingAfter }) => nothingAfter],
	[/^(.+), before it, is .*: the draft is/, ({ unusableBefore }, name) => unusableBefore(name!)],
	[/^(.+), after it, is .*: the draft is/, ({ unusableAfter }, name) => unusableAfter(name!)],
	[/^“(.+)” is seen as in the file.*: (.+)\.$/, ({ seen }, name, by) => seen(name!, by!)],
	[/^“(.+)” is heard as in the file.*: (.+)\.$/, ({ heard }, name, by) => heard(name!, by!)],
	[/^The file of “(.+)” ends before/, ({ endsBefore }, name) => endsBefore(name!)],
	[/^The clip is in (.+), as it is beside/, ({ colour }, name) => colour(name!)],
	[/^“(.+)” is converted from (.+) to (.+)\./, ({ converted }, ...of) => converted(of.join(' → '))],
	[/made in (\d+) passes, each from/, ({ passes }, count) => passes(Number(count))],
	[
		/^This machine has (.+), but CUDA does not work \((.+)\): (.+) computes instead\. (.+)$/,
		({ noCuda }, card, why, instead, remedy) => noCuda(card!, why!, instead!, remedy!),
	],
	[
		/^(.+): (all|none of|one of|(\d+) of) (\d+) blocks .*; (\d+)-bit weights\./,
		({ memory }, device, which, kept, all, bits) =>
			memory(device!, which === 'all' ? Number(all) : Number(kept ?? 0), Number(all), bits!),
	],
	[/^A distilled model works without guidance/, ({ distilled }) => distilled],
	[/^Memory ran out while .*, so it went on /, ({ lessMemory }) => lessMemory],
];

/** An engine’s note in the panel’s language; one that is not known stays as it is. */
export function noteSays(words: Words, note: string): string {
	for (const [pattern, say] of NOTES) {
		const found = pattern.exec(note);
		if (found) return say(words.notes, ...found.slice(1));
	}
	return note;
}
