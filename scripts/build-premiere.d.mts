export function buildPremiere(options?: { readonly folder?: string }): Promise<void>;
