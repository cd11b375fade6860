import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { keep, type Place, readKept } from '../../../../files/json-cache.ts';
import { missingFiles } from '../../../../gpu/folder.ts';
import { gpuList } from '../../../../gpu/list.ts';
import type { Provider } from './provider.ts';
import type { ProviderReport } from './providers.ts';

/** Drivers come and go in ways that a key cannot see; in ms. */
const LONGEST_KEPT = 24 * 3_600_000;

const providerSchema = z.enum(['cpu', 'webgpu', 'cuda']);

const foundSchema = z.array(
	z.object({
		/** Milliseconds since 1970. */
		at: z.number(),
		report: z.object({
			provider: providerSchema,
			adapter: z.object({
				name: z.string().nullable(),
				precisions: z.array(z.enum(['float32', 'float16', 'bfloat16'])),
			}),
			reason: z.string().nullable(),
		}),
	}),
);

type Found = z.infer<typeof foundSchema>;

/**
 * SHA-256 of what a finding depends on, as far as it can be told without loading a driver: system,
 * ONNX Runtime's libraries, the program that tries, and names and times of drivers' files.
 */
export async function deviceKey(program: string): Promise<string> {
	const { platform, arch, env } = process;
	const chosen = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'CUDA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'];
	const told = [
		...[platform, arch, release(), await identityOf(program), await runtimeIdentity()],
		...chosen.map((name) => env[name] ?? null),
		...(await Promise.all(DRIVERS.map(identityOf))),
		await readFile('/proc/driver/nvidia/version', 'utf8').catch(() => null),
	];
	return createHash('sha256').update(JSON.stringify(told)).digest('hex');
}

/** Null where there is none, it is old or for another key, or the file is damaged. */
export async function recallReport(
	folder: string,
	key: string,
	provider: Provider,
): Promise<ProviderReport | null> {
	const found = await readFound(folder, key);
	return found.find(({ report }) => report.provider === provider)?.report ?? null;
}

/** Never throws: what cannot be kept is found out again. */
export async function rememberReport(
	folder: string,
	key: string,
	report: ProviderReport,
): Promise<void> {
	const others = (await readFound(folder, key)).filter(
		(one) => one.report.provider !== report.provider,
	);
	await keep(placeOf(folder, key), [...others, { at: Date.now(), report }]);
}

async function readFound(folder: string, key: string): Promise<Found> {
	const found = foundSchema.safeParse(await readKept(placeOf(folder, key)));
	const now = Date.now();
	return (found.data ?? []).filter(({ at }) => at <= now && now - at < LONGEST_KEPT);
}

function placeOf(folder: string, key: string): Place {
	return { folder, key, kind: 'devices' };
}

/** Where systems register drivers of graphics devices. */
const DRIVERS: readonly string[] =
	process.platform === 'win32'
		? [join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'DriverStore', 'FileRepository')]
		: ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/dev/dri'];

/** ONNX Runtime's version and libraries: CUDA's come later than the others. */
async function runtimeIdentity(): Promise<unknown> {
	try {
		const main = createRequire(import.meta.url).resolve('onnxruntime-node');
		const root = join(dirname(main), '..');
		const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
		const files = await readdir(join(root, 'bin'), { recursive: true });
		const list = gpuList();
		return [version, files.sort(), list && [list.folder, missingFiles(list)]];
	} catch {
		return null;
	}
}

async function identityOf(path: string): Promise<unknown> {
	const facts = await stat(path).catch(() => null);
	return facts && [facts.size, facts.mtimeMs];
}
