/** What the comment of a layer of ours says: which of its media were wanted, and on which tracks. */
export type Mark = { readonly video: number | null; readonly audio: number | null };

/** As `Pickup on V1 and A2`, which a person may read in the column of comments. Lanes from 0. */
export function markText({ video, audio }: Mark): string {
	const tracks = [
		...(video === null ? [] : [`V${video + 1}`]),
		...(audio === null ? [] : [`A${audio + 1}`]),
	];
	return `Pickup on ${tracks.join(' and ')}`;
}

/** Null for a layer that is not ours. */
export function readMark(comment: string): Mark | null {
	const match = /^Pickup on (?:V(\d{1,4}))?(?: and )?(?:A(\d{1,4}))?$/.exec(comment);
	if (!match) return null;
	const lane = (digits: string | undefined) => (digits === undefined ? null : Number(digits) - 1);
	return { video: lane(match[1]), audio: lane(match[2]) };
}
