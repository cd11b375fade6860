/** Whether somebody looks: at a terminal, on a machine that has a screen. */
export function isWatched(environment: NodeJS.ProcessEnv = process.env): boolean {
	return process.stdout.isTTY === true && !environment.CI && hasScreen(environment);
}

function hasScreen({ DISPLAY, WAYLAND_DISPLAY }: NodeJS.ProcessEnv): boolean {
	return process.platform !== 'linux' || Boolean(DISPLAY || WAYLAND_DISPLAY);
}
