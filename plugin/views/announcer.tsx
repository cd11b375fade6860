import { useEffect, useRef, useState } from 'react';
import { percent } from '../state/numbers.ts';
import { pauseWords, phaseWords } from '../state/phase-words.ts';
import { runningTake } from '../state/shots.ts';
import { usePanelState, useScene, useWords } from './panel-context.tsx';
import { takeTitle } from './take-title.ts';

/** Says what is done at the beginning of each phase and pause and at every quarter, politely. */
export function Announcer() {
	const words = useWords();
	const scene = useScene();
	usePanelState((state) => state.jobs);
	const shot = scene.kind === 'cut' ? scene.shot : null;
	const running = shot && runningTake(shot);
	const [said, setSaid] = useState('');
	const last = useRef('');
	const isRunning = running?.job.state === 'running';
	const quarter = isRunning ? Math.floor(running.job.progress * 4) / 4 : 0;
	const pause = isRunning ? running.job.pause : null;
	const key = isRunning ? `${running.job.id} ${running.job.phase} ${quarter} ${pause?.since}` : '';
	const does =
		pause && running ? pauseWords(words, pause) : phaseWords(words, running?.job.phase ?? '');
	const text =
		isRunning && shot ? `${takeTitle(words, running)}: ${does}, ${percent(words, quarter)}` : '';
	useEffect(() => {
		if (key === last.current) return;
		last.current = key;
		setSaid(text);
	}, [key, text]);
	return (
		<p className="unseen" role="status">
			{said}
		</p>
	);
}
