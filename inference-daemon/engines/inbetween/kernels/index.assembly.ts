export * from './flow.assembly';
export * from './measure.assembly';
export * from './pyramid.assembly';
export * from './trace.assembly';
export * from './warp.assembly';

/** First byte that the kernels do not use themselves. */
export function heapBase(): usize {
	return __heap_base;
}
