import type { JoinScores } from '../../protocol/media.ts';
import { signed } from '../state/numbers.ts';
import type { ShotView } from '../state/shots.ts';
import type { Compared } from '../state/state.ts';
import { Icon } from './icons.tsx';
import { useAsked } from './media.tsx';
import { usePanel, useWords } from './panel-context.tsx';
import { takeTitle } from './take-title.ts';

/** A line stands between the two takes. */
const CLASSES = [
	{ title: 'first-title', in: '', out: 'join-out' },
	{ title: 'second-start', in: 'second-start', out: '' },
] as const;

const KINDS = ['picture', 'motion', 'colour', 'loudness'] as const;

/** What was measured at both joins, for both takes that are compared: numbers, and no grade. */
export function Scores({ shot, compared }: { shot: ShotView; compared: Compared }) {
	const words = useWords();
	const a = useScores(compared.a);
	const b = useScores(compared.b);
	const titles: Readonly<Record<(typeof KINDS)[number], string>> = {
		picture: words.scorePicture,
		motion: words.scoreMotion,
		colour: words.scoreColour,
		loudness: words.scoreLoudness,
	};
	const columns = [
		{ id: compared.a, asked: a },
		...(compared.b === null ? [] : [{ id: compared.b, asked: b }]),
	];
	if (columns.every(({ asked }) => asked.kind === 'refused')) return null;
	const titleOf = (id: string) => {
		const take = shot.takes.find(({ job }) => job.id === id);
		return take ? takeTitle(words, take) : '';
	};
	const isMeasuring = columns.some(({ asked }) => asked.kind === 'asking');
	return (
		<>
			<table className="scores" aria-describedby="measured">
				<thead>
					<tr>
						<th>{words.atTheJoins}</th>
						{columns.map(({ id }, at) => (
							<th key={id} colSpan={2} scope="colgroup" className={CLASSES[at]?.title}>
								{titleOf(id)}
							</th>
						))}
					</tr>
					<tr>
						<td />
						{columns.flatMap(({ id }, at) => [
							<th key={`${id} in`} scope="col" className={CLASSES[at]?.in}>
								{words.joinIn}
							</th>,
							<th key={`${id} out`} scope="col" className={CLASSES[at]?.out}>
								{words.joinOut}
							</th>,
						])}
					</tr>
				</thead>
				<tbody>
					{KINDS.map((kind) => (
						<tr key={kind}>
							<th scope="row" title={words.scoreSays[kind]}>
								{titles[kind]}
								<span className="unseen">. {words.scoreSays[kind]}</span>
							</th>
							{columns.flatMap(({ id, asked }, at) => {
								const joins = asked.kind === 'here' ? asked.value : null;
								return (['in', 'out'] as const).map((join) => (
									<ScoreCell
										key={`${id} ${join}`}
										className={CLASSES[at]?.[join] ?? ''}
										kind={kind}
										join={joins?.[join] ?? null}
									/>
								));
							})}
						</tr>
					))}
				</tbody>
			</table>
			<p className="measured" id="measured">
				<Icon name="info" small />
				<span>{isMeasuring ? words.measuring : words.measured}</span>
			</p>
		</>
	);
}

function ScoreCell({
	kind,
	join,
	className,
}: {
	kind: (typeof KINDS)[number];
	join: JoinScores | null;
	className: string;
}) {
	const words = useWords();
	const score = join?.[kind] ?? null;
	if (!score) return <td className={`dim ${className}`}>–</td>;
	const text = kind === 'loudness' ? signed(score.value) : score.value.toFixed(1);
	return (
		<td className={score.mayShow ? `shows ${className}` : className}>
			{text}
			{score.mayShow && <span className="unseen"> {words.mayShow}</span>}
		</td>
	);
}

function useScores(jobId: string | null) {
	const panel = usePanel();
	return useAsked(jobId, () => panel.media.scores(jobId!));
}
