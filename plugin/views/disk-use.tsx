import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import type { HostState } from '../../protocol/hosts.ts';
import type { HistoryEntry } from '../state/history.ts';
import { bytes } from '../state/numbers.ts';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

/** How much of the disk the clips of a project take, or without one all of them, and the way to have less. */
export function DiskUse({
	project,
	entries,
	isNarrowed,
}: {
	project: HostState['project'];
	entries: readonly HistoryEntry[];
	/** Only some of the project are shown. */
	isNarrowed: boolean;
}) {
	const { actions } = usePanel();
	const words = useWords();
	const [asking, setAsking] = useState<'no' | 'yes' | 'done'>('no');
	const disk = usePanelState((state) => state.disk);
	const jobs = usePanelState((state) => state.jobs);
	const there = [...jobs.values()].filter(({ state, trashed }) => state === 'done' && !trashed);
	const film = project?.id ?? null;
	// biome-ignore lint/correctness/useExhaustiveDependencies: looked at anew when there are other clips
	useEffect(() => actions.lookAtDisk(film), [actions, film, there.length]);
	useEffect(() => {
		if (asking !== 'yes') return;
		const onKey = (event: KeyboardEvent) => {
			if (event.key !== 'Escape') return;
			event.preventDefault();
			setAsking('done');
		};
		window.addEventListener('keydown', onKey, { capture: true });
		return () => window.removeEventListener('keydown', onKey, { capture: true });
	}, [asking]);
	if (!disk) return null;
	const { used, unused, deletedUsed, deletedUnused } = disk;
	const loose = unused.bytes + deletedUnused.bytes;
	const all = used.bytes + deletedUsed.bytes + loose;
	const shown = new Set(entries.map(({ job }) => job.id));
	const isPlain = (id: string) => jobs.get(id)?.starred === false;
	const ids = unused.jobIds.filter((id) => shown.has(id) && isPlain(id));
	const deleted = isNarrowed ? [] : deletedUnused.jobIds.filter(isPlain);
	const count = ids.length + deleted.length;
	const name = project?.name ?? words.allFilms;
	if (asking === 'yes') {
		return (
			<div className="plan spread" role="alert">
				<span>
					{words.cleanUpSays(count, name)}{' '}
					{deleted.length > 0 && words.cleanUpDeleted(deleted.length)}
				</span>
				<Button
					className="link"
					onPress={() => {
						actions.trash([...ids, ...deleted]);
						setAsking('done');
					}}
				>
					{words.toTrash}
				</Button>
				<Button className="link" autoFocus onPress={() => setAsking('done')}>
					{words.keep}
				</Button>
			</div>
		);
	}
	return (
		<div className="plan spread">
			<span>
				{words.diskUse(name, bytes(words, all))}
				{loose > 0 && ` ${words.diskLoose(bytes(words, loose))}`}
			</span>
			{count > 0 && (
				<Button className="link" autoFocus={asking === 'done'} onPress={() => setAsking('yes')}>
					{words.cleanUp}
				</Button>
			)}
		</div>
	);
}
