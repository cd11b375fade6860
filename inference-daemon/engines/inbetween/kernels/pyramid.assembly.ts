// Pictures made ready for motion search. Normalised ones have PAD replicated pixels around them.

const PAD: i32 = 16;

@inline function pixel(picture: usize, stride: i32, x: i32, y: i32): usize {
	return picture + (((y + PAD) * stride + x + PAD) << 2);
}

/** Mean of each `factor` × `factor` block of a plane; `bits` is 8 or 10; result 0…255. */
export function shrink(source: usize, width: i32, height: i32, bits: i32, factor: i32, target: usize, columns: i32, rows: i32): void {
	const bytes = bits > 8 ? 1 : 0;
	const unit: f32 = bits > 8 ? 0.25 : 1;
	for (let y = 0; y < rows; y++) {
		const y0 = y * factor;
		const y1 = min(y0 + factor, height);
		for (let x = 0; x < columns; x++) {
			const x0 = x * factor;
			const x1 = min(x0 + factor, width);
			let total: i32 = 0;
			for (let j = y0; j < y1; j++) {
				const row = source + ((j * width) << bytes);
				if (bytes) {
					for (let i = x0; i < x1; i++) total += <i32>load<u16>(row + (i << 1));
				} else {
					for (let i = x0; i < x1; i++) total += <i32>load<u8>(row + i);
				}
			}
			store<f32>(target + ((y * columns + x) << 2), unit * <f32>total / <f32>max(1, (y1 - y0) * (x1 - x0)));
		}
	}
}

/** Half the size, each pixel the mean of up to four. */
export function halve(source: usize, width: i32, height: i32, target: usize): void {
	const columns = (width + 1) >> 1;
	const rows = (height + 1) >> 1;
	for (let y = 0; y < rows; y++) {
		const a = source + ((2 * y * width) << 2);
		const b = source + ((min(2 * y + 1, height - 1) * width) << 2);
		for (let x = 0; x < columns; x++) {
			const i = (2 * x) << 2;
			const k = min(2 * x + 1, width - 1) << 2;
			store<f32>(target + ((y * columns + x) << 2), (load<f32>(a + i) + load<f32>(a + k) + load<f32>(b + i) + load<f32>(b + k)) * 0.25);
		}
	}
}

/**
 * Local contrast, so that matching does not see exposure: (pixel − mean) / (deviation + 6) over
 * 9 × 9 pixels, padded. `scratch` holds 2 · width · height values.
 */
export function normalise(source: usize, width: i32, height: i32, target: usize, scratch: usize): void {
	const RADIUS: i32 = 4;
	const squares = scratch + ((width * height) << 2);
	for (let y = 0; y < height; y++) {
		const row = source + ((y * width) << 2);
		const out = (y * width) << 2;
		let mean: f32 = 0;
		let square: f32 = 0;
		for (let i = -RADIUS; i <= RADIUS; i++) {
			const v = load<f32>(row + (max(0, min(width - 1, i)) << 2));
			mean += v;
			square += v * v;
		}
		for (let x = 0; x < width; x++) {
			store<f32>(scratch + out + (x << 2), mean);
			store<f32>(squares + out + (x << 2), square);
			const leave = load<f32>(row + (max(0, x - RADIUS) << 2));
			const enter = load<f32>(row + (min(width - 1, x + RADIUS + 1) << 2));
			mean += enter - leave;
			square += enter * enter - leave * leave;
		}
	}
	const stride = width + 2 * PAD;
	for (let x = 0; x < width; x++) {
		let mean: f32 = 0;
		let square: f32 = 0;
		for (let i = -RADIUS; i <= RADIUS; i++) {
			const at = (max(0, min(height - 1, i)) * width + x) << 2;
			mean += load<f32>(scratch + at);
			square += load<f32>(squares + at);
		}
		for (let y = 0; y < height; y++) {
			const m = mean / 81;
			const deviation = sqrt<f32>(max<f32>(0, square / 81 - m * m));
			const v = load<f32>(source + ((y * width + x) << 2));
			store<f32>(pixel(target, stride, x, y), (v - m) / (deviation + 6));
			const leave = (max(0, y - RADIUS) * width + x) << 2;
			const enter = (min(height - 1, y + RADIUS + 1) * width + x) << 2;
			mean += load<f32>(scratch + enter) - load<f32>(scratch + leave);
			square += load<f32>(squares + enter) - load<f32>(squares + leave);
		}
	}
	for (let y = -PAD; y < height + PAD; y++) {
		const from = max(0, min(height - 1, y));
		for (let x = -PAD; x < width + PAD; x++) {
			if (x >= 0 && x < width && y >= 0 && y < height) {
				x = width - 1;
				continue;
			}
			store<f32>(pixel(target, stride, x, y), load<f32>(pixel(target, stride, max(0, min(width - 1, x)), from)));
		}
	}
}

/** Central differences of a padded picture; the outermost ring stays as it is. */
export function gradients(picture: usize, width: i32, height: i32, alongX: usize, alongY: usize): void {
	const stride = width + 2 * PAD;
	for (let y = 1 - PAD; y < height + PAD - 1; y++) {
		for (let x = 1 - PAD; x < width + PAD - 1; x++) {
			const at = pixel(picture, stride, x, y);
			const offset = at - picture;
			store<f32>(alongX + offset, (load<f32>(at + 4) - load<f32>(at - 4)) * 0.5);
			store<f32>(alongY + offset, (load<f32>(at + (stride << 2)) - load<f32>(at - (stride << 2))) * 0.5);
		}
	}
}
