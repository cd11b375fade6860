import { type CSSProperties, useRef } from 'react';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import { keyOf, marked } from '../state/wish.ts';
import { CutOff } from './controls.tsx';
import { Picture, useLevels, Wave } from './media.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { useIsWide } from './use-media-query.ts';

const WAVE_POINTS = 120;

/** The whole clip under the playhead as film and sound, and the frames of it that are meant. */
export function ClipRange({ scene, clip }: { scene: CutScene; clip: ClipSpan }) {
	const words = useWords();
	const isWide = useIsWide();
	const wish = usePanelState((state) => state.wish);
	const { cut, place, playhead, host, open } = scene;
	const all = clip.range.end - clip.range.start;
	const range = marked(wish, keyOf(place), clip.range);
	const share = (frame: number) => (frame - clip.range.start) / all;
	const shots = filmFrames(clip, isWide ? 6 : 4);
	const track = place.kind === 'nothing' ? '' : place.track.name;
	const levels = useLevels(
		{ kind: 'cut', host: host.agent.id, range: clip.range },
		WAVE_POINTS,
		open.revision,
	);
	const frames = words.frames(range.end - range.start);
	return (
		<>
			{/* biome-ignore lint/a11y/useSemanticElements: it is a picture of the clip, no set of fields */}
			<div
				className="range"
				role="group"
				aria-label={words.rangeChosen(clip.name, frames)}
				// biome-ignore lint/a11y/noNoninteractiveTabindex: keys act here, and Esc leaves a field for it
				tabIndex={0}
				data-keys="strip"
				style={{ '--in': share(range.start), '--out': share(range.end) } as CSSProperties}
			>
				<div className="range-name">
					<CutOff text={clip.name} />
					<span className="dim">{words.frames(all)}</span>
				</div>
				<div className="film">
					{shots.map((frame) => (
						<Picture
							key={frame}
							media={
								clip.source.kind === 'offline'
									? null
									: { kind: 'frame', host: host.agent.id, track, frame, width: 240 }
							}
							version={open.revision}
							alt=""
							onPlaceholder={() => (clip.source.kind === 'offline' ? words.offline : null)}
						/>
					))}
				</div>
				<Wave levels={levels} />
				<span className="range-off before" />
				<span className="range-off after" />
				<Handles scene={scene} clip={clip} range={range} />
				<span className="playhead" style={{ '--at': share(playhead) } as CSSProperties} />
			</div>
			<div className="range-timecodes">
				<span>
					<kbd>{words.in}</kbd> {timecodeIn(cut.sequence, range.start)}
				</span>
				<span>{frames}</span>
				<span>
					<kbd>{words.out}</kbd> {timecodeIn(cut.sequence, range.end)}
				</span>
			</div>
		</>
	);
}

/** The first and the last frame that are meant. */
export function RangeEnds({ scene, clip }: { scene: CutScene; clip: ClipSpan }) {
	const words = useWords();
	const wish = usePanelState((state) => state.wish);
	const { cut, place, host, open } = scene;
	if (place.kind === 'nothing' || clip.source.kind === 'offline') return null;
	const { start, end } = marked(wish, keyOf(place), clip.range);
	const ends = [
		{ frame: start, says: words.first, alt: words.firstFrameOfRange },
		{ frame: end - 1, says: words.last, alt: words.lastFrameOfRange },
	];
	return (
		<div className="joins">
			{ends.map(({ frame, says, alt }) => (
				<figure key={alt}>
					<figcaption>
						<span>{says(timecodeIn(cut.sequence, frame))}</span>
					</figcaption>
					<div>
						<Picture
							media={{
								kind: 'frame',
								host: host.agent.id,
								track: place.track.name,
								frame,
								width: 400,
							}}
							version={open.revision}
							alt={alt}
						/>
					</div>
				</figure>
			))}
		</div>
	);
}

/** In and out, to be dragged, or moved by keys: a frame, with Shift ten. They stop at one frame. */
function Handles({
	scene,
	clip,
	range,
}: {
	scene: CutScene;
	clip: ClipSpan;
	range: { readonly start: number; readonly end: number };
}) {
	const { actions } = usePanel();
	const words = useWords();
	const box = useRef<HTMLDivElement>(null);
	const { sequence } = scene.cut;
	const at = keyOf(scene.place);
	const set = (edge: 'start' | 'end', frame: number) => {
		const moved =
			edge === 'start'
				? { ...range, start: Math.max(clip.range.start, Math.min(frame, range.end - 1)) }
				: { ...range, end: Math.min(clip.range.end, Math.max(frame, range.start + 1)) };
		actions.wish({ marks: { at, range: moved } });
	};
	const frameAt = (x: number) => {
		const whole = box.current?.parentElement?.getBoundingClientRect();
		if (!whole) return clip.range.start;
		const all = clip.range.end - clip.range.start;
		return clip.range.start + Math.round(((x - whole.left) / whole.width) * all);
	};
	return (
		<div className="in-out" ref={box}>
			{(['start', 'end'] as const).map((edge) => (
				<div
					key={edge}
					className={`handle ${edge}`}
					role="slider"
					tabIndex={0}
					aria-label={edge === 'start' ? words.in : words.out}
					aria-valuemin={edge === 'start' ? clip.range.start : range.start + 1}
					aria-valuemax={edge === 'start' ? range.end - 1 : clip.range.end}
					aria-valuenow={range[edge]}
					aria-valuetext={timecodeIn(sequence, range[edge])}
					onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
					onPointerMove={(event) => event.buttons > 0 && set(edge, frameAt(event.clientX))}
					onKeyDown={(event) => {
						const by = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
						if (by === 0) return;
						event.preventDefault();
						set(edge, range[edge] + by * (event.shiftKey ? 10 : 1));
					}}
				/>
			))}
		</div>
	);
}

/** Frames that stand for equal parts of the clip: the middle of each. */
function filmFrames({ range }: ClipSpan, count: number): readonly number[] {
	const all = range.end - range.start;
	const frames = Array.from({ length: count }, (_, index) =>
		Math.floor(range.start + ((index + 0.5) * all) / count),
	);
	return [...new Set(frames)];
}
