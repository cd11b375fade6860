import { useEffect } from 'react';
import { I18nProvider, Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { percent } from '../state/numbers.ts';
import { hostOf, shotsOf } from '../state/scene.ts';
import { runningTake } from '../state/shots.ts';
import type { Tab as TabName } from '../state/state.ts';
import { languageFor } from '../strings/languages.ts';
import { Announcer } from './announcer.tsx';
import { Connection } from './connection.tsx';
import { CutTab } from './cut-tab.tsx';
import { HistoryTab } from './history.tsx';
import { KeyHelp } from './key-help.tsx';
import { useKeys } from './keys.ts';
import { useLanguage, useMemory, usePanel, usePanelState, useWords } from './panel-context.tsx';
import { SetupTab } from './setup.tsx';

const TABS: readonly TabName[] = ['cut', 'history', 'setup'];

export function App() {
	const { actions } = usePanel();
	const words = useWords();
	const language = languageFor(useLanguage());
	const { theme } = useMemory();
	const tab = usePanelState((state) => state.view.tab);
	useKeys();
	useEffect(() => {
		document.documentElement.lang = language;
	}, [language]);
	useEffect(() => {
		if (theme) document.documentElement.dataset.theme = theme;
		else delete document.documentElement.dataset.theme;
	}, [theme]);
	return (
		<I18nProvider locale={language}>
			<Tabs
				className="app"
				selectedKey={tab}
				onSelectionChange={(key) => actions.tab(key as TabName)}
			>
				<header className="bar">
					<h1 className="unseen">Pickup</h1>
					<TabList className="tabs" aria-label={words.regions}>
						{TABS.map((name) => (
							<Tab className="tab" key={name} id={name}>
								{words[name]}
								{name === 'cut' && tab !== 'cut' && <CutProgress />}
							</Tab>
						))}
					</TabList>
					<Connection />
					<KeyHelp />
				</header>
				<TabPanel className="panel" id="cut">
					<CutTab />
				</TabPanel>
				<TabPanel className="panel" id="history">
					<HistoryTab />
				</TabPanel>
				<TabPanel className="panel" id="setup">
					<SetupTab />
				</TabPanel>
			</Tabs>
			<Announcer />
		</I18nProvider>
	);
}

/** What is being made is not out of sight on another tab. */
function CutProgress() {
	const words = useWords();
	const progress = usePanelState((state) => {
		const host = hostOf(state);
		const shot = host && shotsOf(state.jobs, host).find((each) => runningTake(each));
		return shot ? Math.floor(runningTake(shot)!.job.progress * 100) : null;
	});
	return progress === null ? null : <small>{percent(words, progress / 100)}</small>;
}
