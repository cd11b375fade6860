/** A file that LTX-2 19B is made of, in gigabytes, and what it is for. */
type Needed = { readonly name: string; readonly size: number; readonly what?: string };

const CHECKPOINT: Needed = { name: 'ltx-2-19b-distilled.safetensors', size: 43.3 };
const SMALLER: Needed = { name: 'ltx-2-19b-distilled-fp8.safetensors', size: 27.1 };
const GEMMA = 'gemma-3-12b-it-qat-q4_0-unquantized';
const OPTIONAL: readonly Needed[] = [
	{
		name: 'ltx-2-spatial-upscaler-x2-1.0.safetensors',
		size: 1,
		what: 'finishes at twice the size',
	},
	{
		name: 'ltx-2-19b-distilled-lora-384.safetensors',
		size: 7.6,
		what: 'for that with a dev checkpoint',
	},
];

/** Which files are needed, how large they are and where to put them. */
export function howToGetModel(folder: string): string {
	return [
		`Put into ${folder}:`,
		`  ${told(CHECKPOINT)}, or ${told(SMALLER)}`,
		`  the folder ${GEMMA}: Gemma 3 12B (25 GB)`,
		...OPTIONAL.map((needed) => `  ${told(needed)}, if wanted: ${needed.what}`),
		`They are at huggingface.co/Lightricks/LTX-2 and huggingface.co/google/${GEMMA}.`,
		'A model in another folder is named with --model DIR, or for all requests with PICKUP_MODEL.',
	].join('\n');
}

function told({ name, size }: Needed): string {
	return `${name} (${size} GB)`;
}
