import koffi from 'koffi';

/** A graphics device as its Vulkan driver describes it. */
export type VulkanDevice = {
	readonly name: string;
	/** One that the processor stands for is none that is worth using. */
	readonly kind: 'own' | 'shared' | 'processor' | 'other';
	/** Bytes that are the device's own, or that it may take of the processor's. */
	readonly memory: number;
	/** Bytes of it that a program could take now; null where the driver does not tell. */
	readonly free: number | null;
	/** Its name and version, as “radv Mesa 24.2.1”; null where it is older than Vulkan 1.2. */
	readonly driver: string | null;
};

/**
 * All devices that Vulkan's loader finds. A driver may crash: this belongs in a process of its own.
 * Throws an Error where there is no loader, or it finds no driver.
 */
export function vulkanDevices(): readonly VulkanDevice[] {
	koffi.config({ sync_stack_size: STACK });
	const library = koffi.load(process.platform === 'win32' ? 'vulkan-1.dll' : 'libvulkan.so.1');
	const call = (signature: string) => {
		const made = library.func(`int ${signature}`);
		return (...given: unknown[]) => {
			const status: number = made(...given);
			if (status < 0) throw new Error(`${signature.split('(')[0]} gave ${status}`);
		};
	};
	const create = call('vkCreateInstance(void *info, void *allocator, _Out_ void **instance)');
	const enumerate = call(
		'vkEnumeratePhysicalDevices(void *instance, _Inout_ uint32_t *count, _Out_ void **devices)',
	);
	const destroy = library.func('void vkDestroyInstance(void *instance, void *allocator)');
	const describe = library.func('void vkGetPhysicalDeviceProperties2(void *device, void *to)');
	const measure = library.func('void vkGetPhysicalDeviceMemoryProperties2(void *device, void *to)');

	const application = block(48);
	application.view.setUint32(44, VERSION_1_1, true);
	const info = block(64);
	info.view.setUint32(0, 1, true);
	info.view.setBigUint64(24, application.address, true);
	const instance: unknown[] = [null];
	create(info.pointer, null, instance);
	try {
		const count = [MOST];
		const devices: unknown[] = Array.from({ length: MOST }, () => null);
		enumerate(instance[0], count, devices);
		return devices.slice(0, count[0]).map((device) => ({
			...describedBy((to) => describe(device, to)),
			...measuredBy((to) => measure(device, to)),
		}));
	} finally {
		destroy(instance[0], null);
	}
}

/** Bytes: drivers want more than koffi gives. */
const STACK = 16 * 2 ** 20;

const VERSION_1_1 = (1 << 22) | (1 << 12);

/** Devices in one machine. */
const MOST = 16;

/** Where structures begin in a block: the one that is asked for, and the one that it leads to. */
const [FIRST, SECOND] = [0, 1024];

/** VkPhysicalDeviceProperties2, then VkPhysicalDeviceDriverProperties. */
function describedBy(ask: (to: unknown) => void): Pick<VulkanDevice, 'name' | 'kind' | 'driver'> {
	const { pointer, view, text } = chained(1000059001, 1000196000);
	ask(pointer);
	const kind = KINDS[view.getUint32(FIRST + 16 + 16, true)] ?? 'other';
	const driver = `${text(SECOND + 20)} ${text(SECOND + 276)}`.trim();
	return { name: text(FIRST + 16 + 20), kind, driver: driver || null };
}

/** By VkPhysicalDeviceType. */
const KINDS: Readonly<Record<number, VulkanDevice['kind']>> = {
	1: 'shared',
	2: 'own',
	4: 'processor',
};

/** VkPhysicalDeviceMemoryProperties2, then VkPhysicalDeviceMemoryBudgetPropertiesEXT. */
function measuredBy(ask: (to: unknown) => void): Pick<VulkanDevice, 'memory' | 'free'> {
	const { pointer, view } = chained(1000059006, 1000237000);
	ask(pointer);
	const properties = FIRST + 16;
	let [memory, free] = [0, 0];
	for (let heap = 0; heap < view.getUint32(properties + 260, true); heap++) {
		const at = properties + 264 + 16 * heap;
		const isOfDevice = (view.getUint32(at + 8, true) & 1) !== 0;
		const size = Number(view.getBigUint64(at, true));
		// A small part of the memory may be a heap of its own, through which the processor sees it.
		if (!isOfDevice || size <= memory) continue;
		memory = size;
		free = Number(view.getBigUint64(SECOND + 16 + 8 * heap, true));
	}
	return { memory, free: free || null };
}

/** Two structures of these types, of which the first leads to the second. */
function chained(first: number, second: number) {
	const made = block(2048);
	made.view.setUint32(FIRST, first, true);
	made.view.setBigUint64(FIRST + 8, made.address + BigInt(SECOND), true);
	made.view.setUint32(SECOND, second, true);
	return made;
}

/** Bytes that stay where they are, all zero. */
function block(bytes: number) {
	const pointer = koffi.alloc('uint8_t', bytes);
	const memory = Buffer.from(koffi.view(pointer, bytes));
	memory.fill(0);
	const text = (at: number) => memory.toString('utf8', at, memory.indexOf(0, at));
	const view = new DataView(memory.buffer, memory.byteOffset, bytes);
	return { pointer, address: BigInt(koffi.address(pointer)), view, text };
}
