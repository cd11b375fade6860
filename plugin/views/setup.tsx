import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import type { EngineDescription } from '../../protocol/engines.ts';
import type { Check } from '../../protocol/rpc.ts';
import type { Words } from '../strings/en.ts';
import { LANGUAGES, languageFor } from '../strings/languages.ts';
import { Row, Segments } from './controls.tsx';
import { Choices, titleOf } from './fields.tsx';
import { Icon } from './icons.tsx';
import { useMemory, usePanel, usePanelState, useWords } from './panel-context.tsx';
import { needSays } from './problem-words.ts';

/** The engines with what they need, this machine, and the few things that can be set. */
export function SetupTab() {
	const words = useWords();
	const engines = usePanelState((state) => state.engines);
	return (
		<main className="stage">
			<section className="cut" aria-label={words.engines}>
				<div className="list-head">
					<h2>{words.engines}</h2>
				</div>
				{engines.map((engine) => (
					<EngineRow key={engine.name} engine={engine} />
				))}
			</section>
			<section className="side-column ruled" aria-label={words.settingsHead}>
				<Machine />
				<Settings />
			</section>
			<section className="commit" aria-label={words.privacy}>
				<p className="plan privacy">
					<Icon name="lock" />
					<span>{words.privacySays}</span>
				</p>
			</section>
		</main>
	);
}

function EngineRow({ engine }: { engine: EngineDescription }) {
	const words = useWords();
	const { ready, needs, model, draft, maxFrames, summary } = engine;
	const missing = needs.filter(({ present }) => !present);
	const known: Readonly<Record<string, string>> = words.summaries;
	return (
		<div className="model">
			<span className={ready ? 'cut-off' : 'cut-off dim'}>{titleOf(engine)}</span>
			<span className="model-state">
				{ready && <Icon name="check" small />}
				{ready ? words.ready : words.notReady}
			</span>
			<p className="model-says">
				{known[engine.name] ?? summary} {words.maxLength(words.frames(maxFrames))}{' '}
				{draft && words.needsNoModel}
			</p>
			{model && <p className="model-says cut-off">{model.folder}</p>}
			{missing.map((need) => (
				<Missing key={need.what} need={need} />
			))}
		</div>
	);
}

/** What it lacks; what to do about that is long, and folded. */
function Missing({ need: { what, action } }: { need: EngineDescription['needs'][number] }) {
	const words = useWords();
	const [isOpen, setOpen] = useState(false);
	return (
		<>
			<p className="model-says lines">{needSays(words, what)}</p>
			<Button className="more model-says" aria-expanded={isOpen} onPress={() => setOpen(!isOpen)}>
				<Icon name={isOpen ? 'down' : 'right'} />
				<span>{words.whatToPutWhere}</span>
			</Button>
			{isOpen && needSays(words, what) !== what && <p className="model-says lines">{what}</p>}
			{isOpen && <p className="model-says lines">{action}</p>}
		</>
	);
}

function Machine() {
	const { actions } = usePanel();
	const words = useWords();
	const checks = usePanelState((state) => state.checks);
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	useEffect(() => {
		if (isConnected) actions.check();
	}, [actions, isConnected]);
	return (
		<div className="section">
			<div className="section-head">
				<h2>{words.machine}</h2>
				<Button className="button quiet push" isDisabled={!checks} onPress={() => actions.check()}>
					{words.checkAgain}
				</Button>
			</div>
			{checks ? (
				<dl className="facts">
					{checks
						.filter(({ name }) => !name.startsWith('engine '))
						.map((check) => (
							<CheckFact key={`${check.name} ${check.found}`} check={check} />
						))}
				</dl>
			) : (
				<p className="dim small">{words.checking}</p>
			)}
		</div>
	);
}

function CheckFact({ check: { name, status, found, action } }: { check: Check }) {
	const words = useWords();
	// Nobody has to have one.
	if (name === 'models' && status !== 'ok') {
		return (
			<>
				<dt>{words.checks.models}</dt>
				<dd className="soft">{words.noModels}</dd>
			</>
		);
	}
	const known: Readonly<Record<string, string>> = words.checks;
	return (
		<>
			<dt>{known[name] ?? name}</dt>
			<dd className={status === 'ok' ? '' : 'flagged'}>
				{status !== 'ok' && (
					<span className="fact-state">
						<Icon
							name={status === 'missing' ? 'stop' : 'warn'}
							small
							tone={status === 'missing' ? 'stop' : 'caution'}
						/>
						<span className="unseen">{status === 'missing' ? words.isMissing : words.warning}</span>
					</span>
				)}
				<span title={found}>
					{checkSays(words, { name, status, found })}{' '}
					{action && <span className="dim small lines">{action}</span>}
				</span>
			</dd>
		</>
	);
}

/** What computes tells of libraries and types: whether it can be used is what is asked here. */
function checkSays(
	words: Words,
	{ name, status, found }: Pick<Check, 'name' | 'status' | 'found'>,
) {
	if (!name.startsWith('provider ')) return found;
	return status === 'ok' ? words.canBeUsed : words.cannotBeUsed;
}

function Settings() {
	const { actions } = usePanel();
	const words = useWords();
	const { language, theme } = useMemory();
	const auto = `${words.languageAuto} (${LANGUAGES[languageFor(null)].language})`;
	return (
		<div className="section">
			<div className="section-head">
				<h2>{words.settingsHead}</h2>
			</div>
			<div className="rows">
				<Choices
					label={words.languageLabel}
					value={language ?? 'auto'}
					choices={[
						{ value: 'auto', label: auto },
						...Object.entries(LANGUAGES).map(([value, each]) => ({ value, label: each.language })),
					]}
					onChange={(value) => actions.remember('language', value === 'auto' ? null : value)}
				/>
				<Row label={words.theme}>
					<Segments
						label={words.theme}
						value={theme ?? 'auto'}
						choices={(['auto', 'dark', 'light'] as const).map((value) => ({
							value,
							label: words.themes[value],
						}))}
						onChange={(value) => actions.remember('theme', value === 'auto' ? null : value)}
					/>
				</Row>
			</div>
		</div>
	);
}
