import type { Command } from 'commander';
import type { Gap } from '../../host-bridge/host.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { formatRate, formatTimecode } from '../../protocol/time.ts';
import { type ClipSpan, type Sequence, whyOffline } from '../../protocol/timeline.ts';
import { EXIT } from '../exit-codes.ts';
import { sequenceOption } from '../shot.ts';
import { openTerminal } from '../terminal.ts';

export function addGaps(program: Command, exit: (code: number) => void): void {
	program
		.command('gaps')
		.description('list the empty time in a timeline file')
		.argument('<timeline>', 'FCP 7 XML, .otio, or a Kdenlive/MLT project')
		.option('--sequence <name>', 'which sequence, where the file has several')
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExample:\n  pickup gaps cut.xml')
		.action(async (timeline: string, options: { sequence?: string; json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const host = await openTimeline(timeline, sequenceOption(options));
			const { sequence, notes = [] } = await host.cut();
			const gaps = await host.gaps();
			for (const note of notes) terminal.note(note);
			const { width, height } = sequence.size;
			terminal.line(`${sequence.name}: ${width}×${height}, ${formatRate(sequence.rate)} fps`);
			if (gaps.length === 0) terminal.line('There is no empty time on any video track.');
			else
				terminal.table(
					HEAD,
					gaps.map((gap) => rowOf(gap, sequence)),
				);
			terminal.result({ sequence, gaps });
			exit(EXIT.ok);
		});
}

const HEAD = ['#', 'Track', 'Timecode', 'Length', 'Frames', 'Left', 'Right'];

function rowOf(gap: Gap, sequence: Sequence): string[] {
	const length = gap.end === null ? null : gap.end - gap.start;
	return [
		String(gap.row),
		gap.track,
		gap.timecode,
		length === null ? 'open end' : formatTimecode(length, sequence.rate, sequence.dropFrame),
		length === null ? '' : String(length),
		nameOf(gap.left),
		nameOf(gap.right),
	];
}

function nameOf(clip: ClipSpan | null): string {
	if (clip === null) return '—';
	const remarks = [
		clip.source.kind === 'offline' ? `offline: ${whyOffline(clip.source)}` : '',
		clip.source.kind === 'synthetic' ? clip.source.what : '',
		clip.enabled ? '' : 'disabled',
	].filter((remark) => remark !== '');
	return remarks.length === 0 ? clip.name : `${clip.name} (${remarks.join(', ')})`;
}
