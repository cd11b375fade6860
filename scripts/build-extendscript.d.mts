import type { BuildOptions } from 'esbuild';

export function buildExtendScript(options?: { readonly folder?: string }): Promise<string[]>;
export function es3Of(source: BuildOptions): Promise<string>;
