import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { hostOf } from '../state/scene.ts';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
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
	const { program, version } = host.agent;
	const editor = `${program} ${version}`;
	const { sequence } = host.state;
	const name = sequence?.name ?? editor;
	const text = isWide && sequence ? words.editorAndSequence(editor, sequence.name) : name;
	const shown = (
		<>
			<Icon name="plug" />
			<span className="cut-off" title={words.editorAndSequence(editor, sequence?.name ?? '')}>
				{text}
			</span>
		</>
	);
	if (hosts.length < 2) return <div className="connection">{shown}</div>;
	return (
		<div className="connection">
			<MenuTrigger>
				<Button className="connection-button" aria-label={`${words.chooseEditor}: ${text}`}>
					{shown}
					<Icon name="down" small />
				</Button>
				<Popover className="popover" placement="bottom end">
					<Menu
						className="menu"
						aria-label={words.chooseEditor}
						selectionMode="single"
						selectedKeys={[host.agent.id]}
						onAction={(key) => {
							const chosen = hosts.find(({ agent }) => agent.id === key);
							if (chosen) actions.choose(chosen);
						}}
					>
						{hosts.map(({ agent, state }) => (
							<MenuItem className="menu-item" key={agent.id} id={agent.id}>
								{words.editorAndSequence(
									`${agent.program} ${agent.version}`,
									state.sequence?.name ?? words.noSequenceOpen,
								)}
							</MenuItem>
						))}
					</Menu>
				</Popover>
			</MenuTrigger>
		</div>
	);
}
