import type { Card } from './card.ts';

/**
 * What the management library of NVIDIA's driver says of its cards, which is what `nvidia-smi` asks
 * too; none where there is no such library or it refuses.
 */
export async function nvmlCards(): Promise<readonly Card[]> {
	try {
		const { loadLibrary } = await import('../files/native-library.ts');
		const library = loadLibrary(process.platform === 'win32' ? 'nvml.dll' : 'libnvidia-ml.so.1');
		const call = (signature: string) => {
			const made = library.func(`int ${signature}`);
			return (...given: unknown[]) => {
				const status: number = made(...given);
				if (status !== 0) throw new Error(`${signature}: ${status}`);
			};
		};
		const text = (ask: (to: Buffer) => void) => {
			const to = Buffer.alloc(96);
			ask(to);
			return to.toString('utf8', 0, to.indexOf(0));
		};
		const count = call('nvmlDeviceGetCount_v2(_Out_ unsigned int *count)');
		const handle = call('nvmlDeviceGetHandleByIndex_v2(unsigned int i, _Out_ void **device)');
		const name = call('nvmlDeviceGetName(void *device, void *name, unsigned int length)');
		const driver = call('nvmlSystemGetDriverVersion(void *version, unsigned int length)');
		// Total, free and used, 64 bits each.
		const memory = call('nvmlDeviceGetMemoryInfo(void *device, void *info)');
		const compute = call(
			'nvmlDeviceGetCudaComputeCapability(void *device, _Out_ int *major, _Out_ int *minor)',
		);
		call('nvmlInit_v2()')();
		try {
			const cards = [0];
			count(cards);
			const version = text((to) => driver(to, to.length));
			return Array.from({ length: cards[0]! }, (_, i) => {
				const device: unknown[] = [null];
				handle(i, device);
				const sizes = new BigUint64Array(3);
				// Where processor and card share their memory it does not say.
				const isTold = succeeds(() => memory(device[0], sizes));
				const [major, minor] = [[0], [0]];
				compute(device[0], major, minor);
				return {
					name: text((to) => name(device[0], to, to.length)),
					memory: isTold ? Number(sizes[0]) : null,
					free: isTold ? Number(sizes[1]) : null,
					driver: version,
					compute: major[0]! + minor[0]! / 10,
				};
			});
		} finally {
			call('nvmlShutdown()')();
		}
	} catch {
		return [];
	}
}

function succeeds(work: () => void): boolean {
	try {
		work();
		return true;
	} catch {
		return false;
	}
}
