/** What kernels/*.assembly.ts export; pointers are byte offsets into their memory. */
export type KernelExports = {
	heapBase(): number;
	shrink(
		source: number,
		width: number,
		height: number,
		bits: number,
		factor: number,
		target: number,
		columns: number,
		rows: number,
	): void;
	halve(source: number, width: number, height: number, target: number): void;
	normalise(source: number, width: number, height: number, target: number, scratch: number): void;
	gradients(picture: number, width: number, height: number, alongX: number, alongY: number): void;
	search(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		distancePenalty: number,
	): void;
	searchAgain(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		costs: number,
		zero: number,
		flat: number,
		distancePenalty: number,
	): number;
	refine(
		a: number,
		b: number,
		alongX: number,
		alongY: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		coarse: number,
		coarseColumns: number,
		coarseRows: number,
		affine: number,
		costs: number,
		sweeps: number,
		expected: number,
	): void;
	calm(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		costs: number,
		scratch: number,
		expected: number,
	): void;
	fitness(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		residual: number,
		texture: number,
		zero: number,
	): void;
	certainty(
		alongX: number,
		alongY: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		result: number,
	): void;
	spread(
		columns: number,
		rows: number,
		motion: number,
		trust: number,
		certain: number,
		luma: number,
		result: number,
		rounds: number,
		pull: number,
	): void;
	padPlane(
		source: number,
		width: number,
		height: number,
		bytes: number,
		pad: number,
		target: number,
	): void;
	combine(
		a: number,
		b: number,
		c: number,
		ka: number,
		kb: number,
		kc: number,
		unit: number,
		columns: number,
		rows: number,
		moved: number,
	): void;
	trace(moved: number, columns: number, rows: number, found: number, misses: number): void;
	reconsider(
		moved: number,
		trust: number,
		found: number,
		misses: number,
		other: number,
		otherWay: number,
		unit: number,
		columns: number,
		rows: number,
	): void;
	toMap(
		found: number,
		finer: number,
		columns: number,
		rows: number,
		mapColumns: number,
		mapRows: number,
		width: number,
		height: number,
		pad: number,
		map: number,
		line: number,
	): void;
	toShares(
		values: number,
		finer: number,
		columns: number,
		rows: number,
		mapColumns: number,
		mapRows: number,
		map: number,
	): void;
	weighScene(
		left: number,
		right: number,
		missesLeft: number,
		missesRight: number,
		motion: number,
		trustLeft: number,
		trustRight: number,
		unit: number,
		columns: number,
		rows: number,
		width: number,
		height: number,
		time: number,
		sharpness: number,
		result: number,
	): void;
	differ(
		left: number,
		right: number,
		leftLuma: number,
		rightLuma: number,
		width: number,
		height: number,
		cell: number,
		gain: number,
		offset: number,
		columns: number,
		rows: number,
		result: number,
	): void;
	weighDissolve(
		moved: number,
		still: number,
		left: number,
		right: number,
		width: number,
		height: number,
		least: number,
		most: number,
		columns: number,
		rows: number,
		result: number,
	): void;
	weighWipe(
		columns: number,
		rows: number,
		width: number,
		height: number,
		dx: number,
		dy: number,
		place: number,
		softness: number,
		result: number,
	): void;
	warp8: Warp;
	warp10: Warp;
};

type Warp = (
	target: number,
	width: number,
	height: number,
	shiftX: number,
	shiftY: number,
	left: number,
	right: number,
	pad: number,
	maps: number,
	columns: number,
	rows: number,
	scratch: number,
	gainLeft: number,
	offsetLeft: number,
	gainRight: number,
	offsetRight: number,
	time: number,
) => void;
