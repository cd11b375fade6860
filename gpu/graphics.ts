import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { VulkanDevice } from './vulkan.ts';

/** A driver may hang; in ms. */
const LONGEST = 60_000;

/**
 * Graphics devices of all makers by Vulkan, on Windows and Linux, the better kinds first; none where
 * no driver for them is here. They are looked for in a process of its own, which a driver may bring
 * down.
 */
export async function graphicsDevices(program = vulkanProgram()): Promise<readonly VulkanDevice[]> {
	const limits = { timeout: LONGEST, killSignal: 'SIGKILL' } as const;
	const said = await promisify(execFile)(process.execPath, [program], limits).catch(() => null);
	if (said === null) return [];
	const devices = JSON.parse(said.stdout) as readonly VulkanDevice[];
	const kinds = ['own', 'shared', 'other', 'processor'];
	return [...devices].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
}

/** Beside this program where it is bundled, in `dist` of the project where it is not. */
function vulkanProgram(): string {
	const beside = fileURLToPath(new URL('./vulkan-probe.mjs', import.meta.url));
	if (existsSync(beside)) return beside;
	return fileURLToPath(new URL('../dist/vulkan-probe.mjs', import.meta.url));
}
