export { addWeighted } from './blend.assembly';
export { toBytes, toColours, toLevels, toPlanes } from './colour.assembly';
export { addGuiding, beginGuiding, endGuiding, scaleAll } from './guide.assembly';
export { addProducts, multiply } from './matrix.assembly';
export { across, bytesDown, downToBytes, downToWords } from './scale.assembly';

/** First byte that the kernels do not use themselves. */
export function heapBase(): usize {
	return __heap_base;
}
