import { useState } from 'react';
import { IconButton } from './controls.tsx';
import { useWords } from './panel-context.tsx';

/** Puts a text into the clipboard, and says that it is there. */
export function CopyButton({ text, label }: { text: string; label: string }) {
	const words = useWords();
	const [copied, setCopied] = useState<string | null>(null);
	const isCopied = copied === text;
	return (
		<IconButton
			icon={isCopied ? 'check' : 'copy'}
			label={isCopied ? words.copied : label}
			onPress={() => void copy(text).then(() => setCopied(text))}
		/>
	);
}

/** Webviews may have no clipboard of their own; a selection can be copied everywhere. */
async function copy(text: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const area = document.createElement('textarea');
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand('copy');
		area.remove();
	}
}
