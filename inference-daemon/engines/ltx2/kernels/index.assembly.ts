export * from './colour.assembly';
export * from './scale.assembly';

/** First byte that the kernels do not use themselves. */
export function heapBase(): usize {
	return __heap_base;
}
