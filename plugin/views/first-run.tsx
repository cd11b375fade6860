import { Fragment } from 'react';
import { Button } from 'react-aria-components';
import { formatRate } from '../../protocol/time.ts';
import { closedGaps } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import { GapTable } from './gap-table.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { needSays } from './problem-words.ts';
import { useIsWide } from './use-media-query.ts';

/** Before anything was made: what is ready, and that a draft is one press away. */
export function FirstRun({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const engines = usePanelState((state) => state.engines);
	const { cut, host } = scene;
	const gaps = closedGaps(scene.gaps);
	const name = host.state.sequence?.name ?? cut.sequence.name;
	const hasDrafts = engines.some(({ draft, ready }) => draft && ready);
	const finisher = engines.find(({ draft }) => !draft);
	const missing = finisher?.needs.filter(({ present }) => !present) ?? [];
	return (
		<>
			<section className="below" aria-label={words.whatIsReady}>
				<ul className="section ticks">
					<li>
						<Icon name="check" small />
						<span>{words.sequenceRead(name, gaps.length, formatRate(cut.sequence.rate))}</span>
					</li>
					<li>
						<Icon name={hasDrafts ? 'check' : 'minus'} small />
						<span>{hasDrafts ? words.draftsReady : words.noEngineDoes}</span>
					</li>
					<li>
						<Icon name="minus" small />
						<span className="soft">{words.modelMissing}</span>
					</li>
				</ul>
				{isWide && <GapTable scene={scene} />}
			</section>
			<section className="side-column ruled grow" aria-label={words.theModel}>
				<div className="section">
					<h2>{words.forFinished}</h2>
					<dl className="facts">
						{finisher && (
							<>
								<dt>{words.theModel}</dt>
								<dd>{finisher.title}</dd>
							</>
						)}
						{missing.map(({ what }) => (
							<Fragment key={what}>
								<dt>{words.needs}</dt>
								<dd className="lines">{needSays(words, what)}</dd>
							</Fragment>
						))}
					</dl>
					{missing.length > 0 && (
						<Button className="link" onPress={() => actions.tab('setup')}>
							{words.setupSays}
						</Button>
					)}
				</div>
				<p className="section small soft privacy">
					<Icon name="lock" />
					<span>{words.privacySays}</span>
				</p>
			</section>
		</>
	);
}
