import { Button } from 'react-aria-components';
import { refusalOf } from '../state/refusal.ts';
import type { Ask, CutScene } from '../state/scene.ts';
import { keyOf } from '../state/wish.ts';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

/**
 * In an editor that adds no tracks, where none is free: the picture without its sound, the bin, or
 * the person adds a track and presses again.
 */

/** Ways in which what is asked for would land all the same. */
export function OtherLandings({ scene, asks }: { scene: CutScene; asks: Ask }) {
	const { actions } = usePanel();
	const words = useWords();
	const plan = usePanelState((state) => state.plan);
	if (plan.kind !== 'refused' || plan.problem.code !== 'no-free-track') return null;
	const { field } = plan.problem;
	const at = keyOf(scene.place);
	const hasPicture = field === 'audio' && asks.verb !== 'soundtrack';
	return (
		<p className="ways">
			{hasPicture && (
				<Button className="link" onPress={() => actions.wish({ lands: { at, as: 'picture' } })}>
					{words.pictureOnly}
				</Button>
			)}
			{scene.host.agent.can.bin && (
				<Button className="link" onPress={() => actions.wish({ lands: { at, as: 'bin' } })}>
					{words.intoBin}
				</Button>
			)}
		</p>
	);
}

/** Back to all of it, where less was chosen. */
export function WholeAgain({ asks }: { asks: Ask }) {
	const { actions } = usePanel();
	const words = useWords();
	const lands = asks.shot?.lands;
	if (lands === undefined) return null;
	return (
		<Button className="link" onPress={() => actions.wish({ lands: null })}>
			{lands === 'bin' ? words.intoCut : words.withSound}
		</Button>
	);
}

/** A finished clip that was to be placed, where its picture alone can be. */
export function PictureInstead() {
	const { actions } = usePanel();
	const words = useWords();
	const problem = usePanelState(refusalOf);
	const hasPicture = usePanelState(({ refusal, jobs }) => {
		const job = refusal?.landing && jobs.get(refusal.landing.jobId);
		return job ? job.kind !== 'soundtrack' : false;
	});
	if (problem?.code !== 'no-free-track' || problem.field !== 'audio' || !hasPicture) return null;
	return (
		<Button className="link" onPress={() => actions.placePicture()}>
			{words.pictureOnly}
		</Button>
	);
}
