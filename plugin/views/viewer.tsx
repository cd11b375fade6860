import { type CSSProperties, type RefObject, useEffect, useRef, useState } from 'react';
import { framesToSeconds, toNumber } from '../../protocol/time.ts';
import { timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import type { ShotView } from '../state/shots.ts';
import type { Compared } from '../state/state.ts';
import { Refusal } from './commit.tsx';
import { IconButton, IconToggle, Segments } from './controls.tsx';
import { useLevels, useTicket, Wave } from './media.tsx';
import { usePanel, useWords } from './panel-context.tsx';
import { playableForm } from './playable-form.ts';
import { takeTitle } from './take-title.ts';
import { type Player, type Side, usePlayer } from './use-player.ts';
import { useTakeKeys } from './use-take-keys.ts';

const WAVE_POINTS = 240;
const SIDES: readonly Side[] = ['a', 'b'];

/** The take in the cut, from a second before it to a second after, and beside it another one. */
export function Viewer({
	scene,
	shot,
	compared,
}: {
	scene: CutScene;
	shot: ShotView;
	compared: Compared;
}) {
	const { actions } = usePanel();
	const words = useWords();
	const [hasJoins, setJoins] = useState(true);
	const [form] = useState(playableForm);
	const loops = {
		a: useTicket({ kind: 'loop', jobId: compared.a, form }),
		b: useTicket(compared.b === null ? null : { kind: 'loop', jobId: compared.b, form }),
	};
	const shown = loops[compared.shows];
	const { sequence } = scene.cut;
	const loop = shown.asked.kind === 'here' ? shown.asked.value.loop : null;
	const before = loop?.before.frames ?? 0;
	const inside = loop?.inside ?? shot.destination.range.end - shot.destination.range.start;
	const after = loop?.after.frames ?? 0;
	const rate = 1 / toNumber(framesToSeconds(1, sequence.rate));
	const player = usePlayer({
		side: compared.shows,
		rate,
		from: hasJoins ? 0 : before,
		to: hasJoins ? before + inside + after : before + inside,
	});
	useTakeKeys({ player, shot, compared });
	const { seek } = player;
	const isKnown = loop !== null;
	const wasPlaced = useRef(false);
	// As soon as it is known where the take begins that is what is looked at, and then what the person seeks.
	useEffect(() => {
		if (!isKnown || wasPlaced.current) return;
		wasPlaced.current = true;
		seek(before);
	}, [isKnown, before, seek]);
	const start = shot.destination.range.start - before;
	const titleOf = (side: Side) => {
		const take = shot.takes.find(({ job }) => job.id === compared[side]);
		return take ? takeTitle(words, take) : '';
	};
	const timecode = timecodeIn(sequence, start + player.frame);
	const loopBar = useRef<HTMLDivElement>(null);
	const isByPointer = useRef(false);
	return (
		<>
			<div className="viewer">
				{SIDES.map((side) => {
					const { asked, again } = loops[side];
					if (asked.kind !== 'here') return null;
					const isShown = side === compared.shows;
					return (
						<video
							key={side}
							ref={player.register[side]}
							className={isShown ? 'shown' : 'hidden'}
							src={asked.value.path}
							muted={player.isMuted || !isShown}
							onError={again}
							onLoadedData={() => isShown && player.seek(player.frame)}
							playsInline
							preload="auto"
						/>
					);
				})}
				{shown.asked.kind === 'asking' && <span className="viewer-says">{words.making}</span>}
				{shown.asked.kind === 'refused' && (
					<div className="viewer-says">
						<Refusal problem={shown.asked.problem} />
					</div>
				)}
				<span className="over">
					{words.viewerOf(compared.shows.toUpperCase(), titleOf(compared.shows))}
				</span>
				<span className="over time">{timecode}</span>
			</div>
			<LoopBar
				box={loopBar}
				scene={scene}
				takeHeard={shot.destination.sound ? (compared[compared.shows] ?? compared.a) : null}
				start={start}
				parts={[before, inside, after]}
				player={player}
				timecode={timecode}
			/>
			<div className="transport">
				<IconButton
					icon="stepBack"
					label={words.stepBack}
					onPress={() => {
						player.stop();
						player.seek(player.frame - 1);
					}}
				/>
				<IconButton
					icon={player.speed === 0 ? 'play' : 'pause'}
					label={player.speed === 0 ? words.play : words.pausePlay}
					onPress={player.toggle}
				/>
				<IconButton
					icon="stepOn"
					label={words.stepOn}
					onPress={() => {
						player.stop();
						player.seek(player.frame + 1);
					}}
				/>
				<IconToggle icon="loop" label={words.loopJoins} isOn={hasJoins} onChange={setJoins} />
				<IconToggle
					icon={player.isMuted ? 'mute' : 'sound'}
					label={words.sound}
					isOn={!player.isMuted}
					onChange={(isOn) => player.setMuted(!isOn)}
				/>
				{compared.b !== null && (
					<div
						className="compare"
						onPointerDownCapture={() => {
							isByPointer.current = true;
						}}
						onClickCapture={() => {
							if (!isByPointer.current) return;
							isByPointer.current = false;
							// The radio takes the focus: after a press by the mouse the keys are the player's again.
							requestAnimationFrame(() => loopBar.current?.focus({ preventScroll: true }));
						}}
					>
						<Segments
							label={words.compare}
							value={compared.shows}
							choices={SIDES.map((side) => ({
								value: side,
								label: words.viewerOf(side.toUpperCase(), titleOf(side)),
							}))}
							onChange={(shows) => actions.compare({ ...compared, shows })}
						/>
					</div>
				)}
			</div>
		</>
	);
}

/** Where it plays; the gaps between its three parts are the joins. */
function LoopBar({
	box,
	scene: { host, open },
	takeHeard,
	start,
	parts,
	player,
	timecode,
}: {
	box: RefObject<HTMLDivElement | null>;
	scene: CutScene;
	/** The job of a take with a sound of its own; null where the cut is heard on. */
	takeHeard: string | null;
	/** The sequence frame that it begins with. */
	start: number;
	parts: readonly [before: number, inside: number, after: number];
	player: Player;
	timecode: string;
}) {
	const words = useWords();
	const [before, inside, after] = parts;
	const all = before + inside + after;
	const heard = (from: number, frames: number) =>
		frames > 0
			? ({ kind: 'cut', host: host.agent.id, range: { start: from, end: from + frames } } as const)
			: null;
	const heardBefore = useLevels(heard(start, before), WAVE_POINTS, open.revision);
	const heardAfter = useLevels(heard(start + before + inside, after), WAVE_POINTS, open.revision);
	const levels = useLevels(
		takeHeard === null ? heard(start + before, inside) : { kind: 'take', jobId: takeHeard },
		WAVE_POINTS,
		takeHeard === null ? open.revision : '',
	);
	const seekTo = (event: React.PointerEvent<HTMLElement>) => {
		const { left, width } = event.currentTarget.getBoundingClientRect();
		player.seek(Math.floor(((event.clientX - left) / width) * all));
	};
	return (
		<div
			ref={box}
			className="loop"
			role="slider"
			tabIndex={0}
			data-keys="strip"
			aria-label={words.position}
			aria-valuemin={0}
			aria-valuemax={all - 1}
			aria-valuenow={player.frame}
			aria-valuetext={timecode}
			style={{ gridTemplateColumns: `${before}fr ${inside}fr ${after}fr` }}
			onPointerDown={(event) => {
				event.currentTarget.setPointerCapture(event.pointerId);
				seekTo(event);
			}}
			onPointerMove={(event) => event.buttons > 0 && seekTo(event)}
		>
			<span className="loop-part">{before > 0 && <Wave levels={heardBefore} />}</span>
			<span className="loop-part ours">
				<Wave levels={levels} />
			</span>
			<span className="loop-part">{after > 0 && <Wave levels={heardAfter} />}</span>
			<span
				className="playhead"
				style={{ '--at': all === 0 ? 0 : (player.frame + 0.5) / all } as CSSProperties}
			/>
		</div>
	);
}
