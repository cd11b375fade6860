import type { CSSProperties, ReactNode } from 'react';
import type { Job } from '../../protocol/jobs.ts';
import { lengthIn, timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import type { Strip, StripSide } from '../state/strip.ts';
import { CutOff } from './controls.tsx';
import { Picture, useLevels, Wave } from './media.tsx';
import { usePanelState, useWords } from './panel-context.tsx';

/** Seconds of each neighbour whose sound is drawn. */
const HEARD_SECONDS = 2;
const WAVE_POINTS = 60;

/** Our clip in the strip: what it is called, what it shows, what is said under it. */
export type Middle = {
	readonly name: string;
	readonly picture: ReactNode;
	readonly under: ReactNode;
	/** 0…1 where it is being made. */
	readonly progress?: number;
	readonly isHalted?: boolean;
};

/** The neighbours with the frames that touch the place, and what is or will be between them. */
export function StripView({
	scene,
	strip,
	middle,
	label,
}: {
	scene: CutScene;
	strip: Strip;
	middle?: Middle;
	label: string;
}) {
	const words = useWords();
	const { cut, playhead } = scene;
	const { range, isShut } = strip;
	const frames = range.end - range.start;
	const at = frames === 0 ? 0.5 : (playhead - range.start) / frames;
	const isInside = isShut || (at >= 0 && at <= 1);
	return (
		<>
			{/* biome-ignore lint/a11y/useSemanticElements: it is a picture of the cut, no set of fields */}
			<div
				className={isShut ? 'strip shut' : 'strip'}
				role="group"
				aria-label={label}
				// biome-ignore lint/a11y/noNoninteractiveTabindex: keys act here, and Esc leaves a field for it
				tabIndex={0}
				data-keys="strip"
			>
				<Side scene={scene} side={strip.left} where="left" />
				{!isShut && (middle ? <MiddleView middle={middle} /> : null)}
				{!isShut && !middle && (
					<div className="gap">
						<span className="length">{lengthIn(cut.sequence, frames, 'long')}</span>
						<span className="small soft">{words.frames(frames)}</span>
					</div>
				)}
				<Side scene={scene} side={strip.right} where="right" />
				{isInside && <span className="playhead" style={{ '--at': at } as CSSProperties} />}
			</div>
			<div className={isShut ? 'timecodes one' : 'timecodes'}>
				<span>{timecodeIn(cut.sequence, range.start)}</span>
				{!isShut && <span>{middle ? words.frames(frames) : ''}</span>}
				{!isShut && <span>{timecodeIn(cut.sequence, range.end)}</span>}
			</div>
		</>
	);
}

function Side({
	scene,
	side,
	where,
}: {
	scene: CutScene;
	side: StripSide;
	where: 'left' | 'right';
}) {
	const words = useWords();
	if (side.kind === 'edge') {
		return (
			<div className={`side ${where} empty`}>
				<span className="edge">{side.edge === 'start' ? words.start : words.end}</span>
			</div>
		);
	}
	const { clip, frame } = side;
	const { host, open, place } = scene;
	const track = place.kind === 'nothing' ? '' : place.track.name;
	const isOffline = clip.source.kind === 'offline';
	const alt = where === 'left' ? words.lastFrameOf(clip.name) : words.firstFrameOf(clip.name);
	return (
		<div className={`side ${where}`}>
			<span className="name">
				<CutOff text={clip.name} />
			</span>
			<Picture
				className={`picture ${where}`}
				media={isOffline ? null : { kind: 'frame', host: host.agent.id, track, frame, width: 400 }}
				version={open.revision}
				alt={alt}
				onPlaceholder={(problem) => (isOffline ? words.offline : problem ? words.noPicture : null)}
			/>
			<SideWave scene={scene} frame={frame} where={where} />
		</div>
	);
}

function SideWave({
	scene: { host, open, cut },
	frame,
	where,
}: {
	scene: CutScene;
	frame: number;
	where: 'left' | 'right';
}) {
	const { rate } = cut.sequence;
	const reach = Math.max(1, Math.round((HEARD_SECONDS * rate.num) / rate.den));
	const range =
		where === 'left'
			? { start: Math.max(0, frame + 1 - reach), end: frame + 1 }
			: { start: frame, end: frame + reach };
	const levels = useLevels({ kind: 'cut', host: host.agent.id, range }, WAVE_POINTS, open.revision);
	return <Wave levels={levels} />;
}

function MiddleView({ middle }: { middle: Middle }) {
	const { name, picture, under, progress, isHalted = false } = middle;
	return (
		<div className={isHalted ? 'middle halted' : 'middle'}>
			<span className="name new">
				<CutOff text={name} />
			</span>
			<div className="live">
				{picture}
				{progress !== undefined && (
					<span className="counted" style={{ '--done': progress } as CSSProperties} />
				)}
			</div>
			<div className="now">{under}</div>
		</div>
	);
}

/** What a shot looks like so far: its newest preview, or its poster once it is made. */
export function JobPicture({ job, alt }: { job: Job; alt: string }) {
	const preview = usePanelState(({ previews }) => previews.get(job.id) ?? 0);
	const isDone = job.state === 'done';
	const hasPreview = isDone || preview > 0 || job.state === 'failed';
	return (
		<Picture
			media={hasPreview ? { kind: isDone ? 'poster' : 'preview', jobId: job.id } : null}
			{...(isDone ? {} : { version: preview })}
			alt={alt}
		/>
	);
}
