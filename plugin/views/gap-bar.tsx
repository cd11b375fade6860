import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { closedGaps, gapAt, timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import { isFilledAt } from '../state/shots.ts';
import type { Words } from '../strings/en.ts';
import { CutOff, IconButton } from './controls.tsx';
import { usePanel, useWords } from './panel-context.tsx';

/** Where in the cut the panel is: gap or clip, track and playhead, and the ways to the next. */
export function GapBar({ scene, title }: { scene: CutScene; title?: string }) {
	const { actions } = usePanel();
	const words = useWords();
	const { cut, playhead, gaps } = scene;
	const isGap = gapAt(gaps, playhead) !== null;
	return (
		<div className="gap-bar">
			<IconButton
				icon="left"
				label={isGap ? words.previousGap : words.previousEdit}
				onPress={() => actions.step(-1)}
			/>
			<CutOff className="where" text={title ?? whereOf(scene, words)} />
			<IconButton
				icon="right"
				label={isGap ? words.nextGap : words.nextEdit}
				onPress={() => actions.step(1)}
			/>
			<span className="timecode">
				<TrackMenu scene={scene} />
				<span>{timecodeIn(cut.sequence, playhead)}</span>
			</span>
		</div>
	);
}

function whereOf({ place, gaps, playhead, shots }: CutScene, words: Words): string {
	if (place.kind === 'nothing') return words.noPictureTrack;
	const gap = gapAt(gaps, playhead);
	if (gap === null) return place.kind === 'clip' ? place.clip.name : words.openEnd;
	if (gap.end === null) return words.openEnd;
	const isFilled = place.kind === 'clip' && isFilledAt(shots, place.track, gap);
	return (isFilled ? words.gapFilled : words.gapOf)(gap.row, closedGaps(gaps).length);
}

/** The name of the track; a menu where there are several of picture. */
function TrackMenu({ scene: { cut, place } }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	if (place.kind === 'nothing') return null;
	const videos = cut.tracks.filter(({ kind }) => kind === 'video');
	const { name } = place.track;
	if (videos.length < 2) return <span className="dim">{name}</span>;
	return (
		<MenuTrigger>
			<Button className="track-button" aria-label={`${words.track}: ${name}`}>
				{name}
			</Button>
			<Popover className="popover" placement="bottom end">
				<Menu
					className="menu"
					aria-label={words.track}
					selectionMode="single"
					disallowEmptySelection
					selectedKeys={[name]}
					onAction={(key) => actions.look({ track: String(key), fresh: null })}
				>
					{[...videos].reverse().map((track) => (
						<MenuItem className="menu-item" key={track.name} id={track.name}>
							{track.name}
						</MenuItem>
					))}
				</Menu>
			</Popover>
		</MenuTrigger>
	);
}
