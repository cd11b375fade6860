import { Refusal } from './commit.tsx';
import { PrimaryButton } from './controls.tsx';
import { CutView } from './cut-view.tsx';
import { Message } from './message.tsx';
import { NoEditor } from './no-editor.tsx';
import { usePanelState, useScene, useWords } from './panel-context.tsx';
import { programName } from './program-name.ts';

/** What there is to see of the cut, or what is missing to see it. */
export function CutTab() {
	const words = useWords();
	const scene = useScene();
	const link = usePanelState((state) => state.link);
	switch (scene.kind) {
		case 'starting':
			return link.kind === 'lost' ? <Lost /> : <Stage />;
		case 'refused':
			return <Refused isOlder={scene.problem.code === 'version-mismatch'} />;
		case 'no-editor':
			return <NoEditor film={scene.film} />;
		case 'no-sequence':
			return (
				<Stage>
					<Message
						icon="info"
						title={words.noSequenceIn(programName(words, scene.host.agent))}
						says={words.openSequence}
					/>
				</Stage>
			);
		case 'unreadable':
			return (
				<Stage>
					<Message icon="warn" tone="caution" title={words.cutUnreadable} says="" />
					<div className="section">
						<Refusal problem={scene.problem} />
					</div>
				</Stage>
			);
		case 'cut':
			return <CutView scene={scene} />;
	}
}

function Stage({ children }: { children?: React.ReactNode }) {
	return <main className="stage one">{children}</main>;
}

/** It answered once or never, and does not now. */
function Lost() {
	const words = useWords();
	const wasStopped = usePanelState(({ link }) => link.kind === 'lost' && link.hope === 'stopped');
	return (
		<Stage>
			<Message
				icon="unplug"
				title={wasStopped ? words.engineWasStopped : words.engineStopped}
				says={wasStopped ? words.engineStoppedSays : words.engineAway}
			/>
		</Stage>
	);
}

function Refused({ isOlder }: { isOlder: boolean }) {
	const words = useWords();
	return (
		<Stage>
			<Message
				icon="unplug"
				title={isOlder ? words.panelOlder : words.refused}
				says={isOlder ? words.panelOlderSays : words.refusedSays}
			/>
			{isOlder && (
				<section className="commit" aria-label={words.reload}>
					<div className="acts">
						<PrimaryButton
							label={words.reload}
							hint={words.enter}
							onPress={() => location.reload()}
						/>
					</div>
				</section>
			)}
		</Stage>
	);
}
