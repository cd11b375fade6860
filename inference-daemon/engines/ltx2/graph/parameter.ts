import type { Shape, Value } from './graph.ts';
import type { ElementType } from './onnx.ts';
import type { Scope } from './scope.ts';

/** A tensor of the checkpoint in the type wanted. Where it is missing zeros stand in, and the checkpoint remembers. */
export function parameter(m: Scope, name: string, shape: Shape, type: ElementType): Value {
	const tensor = m.weights.tensor(name, shape);
	if (tensor === null) return m.cast(m.expand(m.constant(0), shape), type);
	return m.cast(m.graph.weight(tensor), type);
}
