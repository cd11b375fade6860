import { Fragment } from 'react';
import { formatRate } from '../../protocol/time.ts';
import { closedGaps } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import { GapTable } from './gap-table.tsx';
import { Icon } from './icons.tsx';
import { usePanelState, useWords } from './panel-context.tsx';
import { useIsWide } from './use-media-query.ts';

/** Before anything was made: what is ready, and that a draft is one press away. */
export function FirstRun({ scene }: { scene: CutScene }) {
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
						{missing.map(({ what, action }) => (
							<Fragment key={what}>
								<dt>{words.needs}</dt>
								<dd>
									{what} <span className="lines small dim">{action}</span>
								</dd>
							</Fragment>
						))}
					</dl>
				</div>
				<p className="section small soft privacy">
					<Icon name="lock" />
					<span>{words.privacySays}</span>
				</p>
			</section>
		</>
	);
}
