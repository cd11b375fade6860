export function buildCep(options?: { readonly folder?: string }): Promise<void>;
