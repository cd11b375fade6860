/** `node vulkan-probe.mjs`: prints the devices that Vulkan finds, as JSON in one line. */
import { vulkanDevices } from './vulkan.ts';

process.stdout.write(`${JSON.stringify(vulkanDevices())}\n`);
