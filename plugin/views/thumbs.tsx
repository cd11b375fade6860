import { useRef, useState } from 'react';
import { percent } from '../state/numbers.ts';
import { isLive, isPlaced, isReady, type ShotView, type TakeView } from '../state/shots.ts';
import type { Compared } from '../state/state.ts';
import { Icon } from './icons.tsx';
import { useTicket } from './media.tsx';
import { usePanelState, useWords } from './panel-context.tsx';
import { playableForm } from './playable-form.ts';
import { JobPicture } from './strip.tsx';
import { takeTitle } from './take-title.ts';
import { useMediaQuery } from './use-media-query.ts';

/** The takes of a press side by side; each plays where the pointer rests on it. */
export function Thumbs({
	shot,
	compared,
	onChoose,
	onLive,
}: {
	shot: ShotView;
	compared?: Compared;
	/** `asB`: with Shift. */
	onChoose?: (take: TakeView, asB: boolean) => void;
	/** For a take that is still being made. */
	onLive?: () => void;
}) {
	const next = shot.takes.find(({ job }) => job.state === 'queued');
	return (
		<div className={shot.takes.length > 3 ? 'takes many' : 'takes'}>
			{shot.takes.map((take) => (
				<Thumb
					key={take.job.id}
					take={take}
					isNext={take === next}
					{...(compared ? { compared } : {})}
					{...(onChoose ? { onChoose } : {})}
					{...(onLive && isLive(take) ? { onLive } : {})}
				/>
			))}
		</div>
	);
}

function Thumb({
	take,
	isNext,
	compared,
	onChoose,
	onLive,
}: {
	take: TakeView;
	isNext: boolean;
	compared?: Compared;
	onChoose?: (take: TakeView, asB: boolean) => void;
	onLive?: () => void;
}) {
	const words = useWords();
	const [isHovered, setHovered] = useState(false);
	const isStill = useMediaQuery('(prefers-reduced-motion: reduce)');
	const { job } = take;
	const title = takeTitle(words, take);
	const slot = compared?.a === job.id ? 'A' : compared?.b === job.id ? 'B' : null;
	const isChosen = compared !== undefined && compared[compared.shows] === job.id;
	return (
		<button
			type="button"
			className={isChosen ? 'take on' : 'take'}
			aria-current={isChosen}
			aria-disabled={!onLive && (!onChoose || !isReady(take))}
			onClick={(event) => (isReady(take) ? onChoose?.(take, event.shiftKey) : onLive?.())}
			onPointerEnter={() => setHovered(true)}
			onPointerLeave={() => setHovered(false)}
		>
			<span className="take-picture">
				<TakePicture take={take} title={title} isNext={isNext} />
				{isHovered && isReady(take) && !isStill && <HoverVideo jobId={job.id} />}
			</span>
			<span className="caption">
				{job.starred && <Icon name="starred" small />}
				<span className="take-name">{title}</span>
				{slot && <b className="push">{slot}</b>}
			</span>
			<span className="caption dim">
				<TakeState take={take} />
			</span>
		</button>
	);
}

function TakePicture({ take, title, isNext }: { take: TakeView; title: string; isNext: boolean }) {
	const words = useWords();
	const { job } = take;
	if (job.state === 'failed') {
		return (
			<span className="stopped halted">
				<JobPicture job={job} alt="" />
				<Icon name="stop" tone="stop" />
			</span>
		);
	}
	if (job.state === 'queued') return isNext ? <span>{words.takeNext}</span> : null;
	return <JobPicture job={job} alt={title} />;
}

function TakeState({ take }: { take: TakeView }) {
	const words = useWords();
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const { job } = take;
	switch (job.state) {
		case 'queued':
			return words.takeWaiting;
		case 'running':
			return isConnected ? percent(words, job.progress) : words.takeWaiting;
		case 'failed':
			return words.takeStopped;
		default:
			if (isPlaced(take)) return words.inTheCut;
			return take.landing?.state === 'gone' ? words.takeGone : words.takeReady;
	}
}

/** The take where its picture is, mute. */
function HoverVideo({ jobId }: { jobId: string }) {
	const form = useRef(playableForm());
	const { asked } = useTicket({ kind: 'take', jobId, form: form.current });
	if (asked.kind !== 'here') return null;
	return <video className="picture hover" src={asked.value.path} muted autoPlay loop playsInline />;
}
