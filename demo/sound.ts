/**
 * Wind over the hills and a bird now and then, as interleaved 16-bit stereo at 48 kHz.
 * `from` and the length are in seconds of the scene; `level` scales the whole.
 */
export function playScene(from: number, seconds: number, level: number): Int16Array {
	const samples = Math.round(seconds * 48_000);
	const result = new Int16Array(samples * 2);
	for (const channel of [0, 1]) {
		const random = randomNumbers(Math.round(from * 1000) * 2 + channel + 1);
		let low = 0;
		let lower = 0;
		for (let i = 0; i < samples; i++) {
			const time = from + i / 48_000;
			low += 0.06 * (random() - low);
			lower += 0.012 * (random() - lower);
			const gust = 0.75 + 0.25 * Math.sin(time * 1.7 + channel * 0.4);
			const wind = (low * 0.35 + lower * 1.6) * gust;
			const value = (wind + bird(time, channel)) * level;
			result[i * 2 + channel] = Math.round(Math.max(-1, Math.min(1, value)) * 32_767);
		}
	}
	return result;
}

/** A chirp of 0.16 s in every 1.3 s. */
function bird(time: number, channel: number): number {
	const phase = (time + 0.35) % 1.3;
	if (phase > 0.16) return 0;
	const envelope = Math.sin((phase / 0.16) * Math.PI) ** 2;
	const pitch = 3100 * phase - 2600 * phase * phase;
	return Math.sin(2 * Math.PI * pitch) * envelope * (channel === 0 ? 0.05 : 0.035);
}

function randomNumbers(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2_147_483_648 - 1;
	};
}
