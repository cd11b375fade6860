import {
	Button,
	Dialog,
	DialogTrigger,
	ListBox,
	ListBoxItem,
	Popover,
} from 'react-aria-components';
import type { EditorHost } from '../../protocol/hosts.ts';
import { hostOf } from '../state/scene.ts';
import type { Words } from '../strings/en.ts';
import { Icon } from './icons.tsx';
import { LandsIn } from './lands-in.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { programName } from './program-name.ts';
import { useIsWide } from './use-media-query.ts';

/** Which editor and sequence the panel looks at; a menu where several are connected. */
export function Connection() {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const link = usePanelState((state) => state.link);
	const hosts = usePanelState((state) => state.hosts);
	const host = usePanelState(hostOf);
	if (link.kind !== 'connected') {
		const isOff = link.kind === 'lost' || link.kind === 'refused';
		const restarts = link.kind === 'lost' && link.hope === 'restarts';
		return (
			<div className="connection">
				<Icon name={isOff ? 'unplug' : 'plug'} />
				<span className="cut-off">
					{restarts ? words.restarting : isOff ? words.notConnected : words.connecting}
				</span>
			</div>
		);
	}
	if (!host) {
		return (
			<div className="connection">
				<Icon name="unplug" />
				<span className="cut-off">{words.noEditor}</span>
			</div>
		);
	}
	const several = hosts.length > 1;
	const { project, sequence } = host.state;
	const editor = editorOf(words, host);
	const text = words.editorAndSequence(editor, sequence?.name ?? words.noSequenceOpen);
	// Where several are open, which film it is counts more than the sequence.
	const short = several ? (project?.name ?? editor) : (sequence?.name ?? editor);
	return (
		<div className="connection">
			<DialogTrigger>
				<Button
					className="connection-button"
					aria-label={`${several ? words.chooseEditor : words.connection}: ${text}`}
				>
					<Icon name="plug" />
					<span className="cut-off" title={text}>
						{isWide && sequence ? text : short}
					</span>
					{several && <Icon name="down" small />}
				</Button>
				<Popover className="popover wide" placement="bottom end">
					<Dialog className="small-form" aria-label={words.connection}>
						{({ close }) => (
							<>
								<dl className="facts">
									<dt>{words.editorHead}</dt>
									<dd>{`${programName(words, host.agent)} ${host.agent.version}`}</dd>
									<dt>{words.projectHead}</dt>
									<dd>{project ? (project.path ?? project.name) : words.noSequenceOpen}</dd>
									{project?.landsIn !== undefined && (
										<>
											<dt>{words.clips}</dt>
											<dd>
												<LandsIn host={host} />
											</dd>
										</>
									)}
								</dl>
								{several && (
									<ListBox
										className="menu"
										aria-label={words.chooseEditor}
										selectionMode="single"
										disallowEmptySelection
										selectedKeys={[host.agent.id]}
										onSelectionChange={(keys) => {
											const chosen = hosts.find(
												({ agent }) => keys !== 'all' && keys.has(agent.id),
											);
											if (chosen) actions.choose(chosen);
											close();
										}}
									>
										{hosts.map((each) => {
											const name = words.editorAndSequence(
												editorOf(words, each),
												each.state.sequence?.name ?? words.noSequenceOpen,
											);
											return (
												<ListBoxItem
													className="menu-item lines"
													key={each.agent.id}
													id={each.agent.id}
													textValue={name}
												>
													{name}
												</ListBoxItem>
											);
										})}
									</ListBox>
								)}
							</>
						)}
					</Dialog>
				</Popover>
			</DialogTrigger>
		</div>
	);
}

/** An editor with what is open in it, by which two of the same kind are told apart. */
function editorOf(words: Words, { agent, state: { project } }: EditorHost): string {
	return [`${programName(words, agent)} ${agent.version}`, ...(project ? [project.name] : [])].join(
		', ',
	);
}
