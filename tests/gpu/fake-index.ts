import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zipSync } from 'fflate';

/** A request that the index has answered. */
export type Asked = { readonly path: string; readonly range: string | null };

/** What happens to the bytes of a wheel on their way. */
export type Treatment = {
	/** After so many bytes of an answer, for as long as this is there, the connection breaks. */
	readonly breakAfter?: number;
	/** After so many bytes of an answer nothing more comes. */
	readonly stopAfter?: number;
	/** What is sent in the wheel's place. */
	readonly instead?: Buffer;
	/** Ranges are not understood. */
	readonly whole?: boolean;
};

/** A small index of packages in the place of PyPI, with small wheels that it has made itself. */
export type FakeIndex = {
	/** As PIP_INDEX_URL names it. */
	readonly address: string;
	/** The list of libraries for this system, as gpu/libraries.json. */
	readonly list: ReturnType<typeof listOf>;
	readonly wheels: readonly Wheel[];
	readonly asked: Asked[];
	/** By the name of a wheel. */
	readonly treated: Map<string, Treatment>;
	/** Resolves when an answer has been stopped. */
	stopped(): Promise<void>;
	close(): Promise<void>;
};

type Wheel = {
	readonly name: string;
	readonly file: string;
	readonly zip: Buffer;
	readonly licence: Buffer | null;
	/** By name. */
	readonly libraries: ReadonlyMap<string, Buffer>;
};

/** Bytes of a library: more than one packet, and no more than a test needs. */
const SIZE = 400_000;

const LICENCE = Buffer.from('You may use it. “As is.”\n'.repeat(40));

export async function openFakeIndex(): Promise<FakeIndex> {
	const wheels = [
		wheelOf('nvidia-first', LICENCE, 'libfirst.so.13', 'libfirst_more.so.13'),
		wheelOf('onnxruntime-gpu', null, 'libonnxruntime.so', 'libonnxruntime_providers_cuda.so'),
		wheelOf('nvidia-last', Buffer.from('Another one.\n'), 'liblast.so.9'),
	];
	const asked: Asked[] = [];
	const treated = new Map<string, Treatment>();
	let onStop = () => {};
	const server = createServer((request, response) => {
		const path = new URL(request.url ?? '/', 'http://index').pathname;
		const range = request.headers.range ?? null;
		asked.push({ path, range });
		const wheel = wheels.find(({ name, file }) =>
			[`/simple/${name}/`, `/files/${file}`].includes(path),
		);
		if (!wheel) response.writeHead(404).end('no such package');
		else if (path.startsWith('/simple/')) answerPage(request, response, wheel);
		else answerWheel(range, response, wheel.zip, treated.get(wheel.file) ?? {}, () => onStop());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return {
		address: `http://127.0.0.1:${port}/simple/`,
		list: listOf(wheels),
		wheels,
		asked,
		treated,
		stopped: () => new Promise((resolve) => (onStop = resolve)),
		async close() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}

function wheelOf(name: string, licence: Buffer | null, ...names: readonly string[]): Wheel {
	const libraries = new Map(names.map((each) => [each, randomBytes(SIZE)]));
	const folder = name.replaceAll('-', '_');
	const entries = Object.fromEntries(
		[...libraries].map(([each, bytes]) => [`${folder}/lib/${each}`, new Uint8Array(bytes)]),
	);
	const info = `${folder}-1.0.dist-info`;
	const zip = zipSync({
		'not/wanted.py': new Uint8Array(5000),
		...entries,
		...(licence === null ? {} : { [`${info}/licenses/License.txt`]: new Uint8Array(licence) }),
	});
	return {
		name,
		file: `${folder}-1.0-py3-none-any.whl`,
		zip: Buffer.from(zip),
		licence,
		libraries,
	};
}

function listOf(wheels: readonly Wheel[]) {
	return {
		[`${process.platform}-${process.arch}`]: {
			driver: 580,
			compute: 7.5,
			runtime: 'libonnxruntime.so',
			before: ['libfirst.so.13', 'liblast.so.9'],
			packages: wheels.map(({ name, file, zip, licence, libraries }) => ({
				name,
				version: '1.0',
				wheel: file,
				bytes: zip.length,
				sha256: sha256(zip),
				licence: licence && {
					path: `${name.replaceAll('-', '_')}-1.0.dist-info/licenses/License.txt`,
					sha256: sha256(licence),
				},
				files: [...libraries].map(([each, bytes]) => ({
					path: `${name.replaceAll('-', '_')}/lib/${each}`,
					bytes: bytes.length,
				})),
			})),
		},
	};
}

function answerPage(request: IncomingMessage, response: ServerResponse, { file }: Wheel): void {
	const type = 'application/vnd.pypi.simple.v1+json';
	if (request.headers.accept !== type) response.writeHead(200).end('<!DOCTYPE html>');
	const files = [
		{ filename: 'older.whl', url: '../../files/older.whl', hashes: {} },
		{ filename: file, url: `../../files/${file}`, hashes: {} },
	];
	response.writeHead(200, { 'content-type': type }).end(JSON.stringify({ files }));
}

function answerWheel(
	range: string | null,
	response: ServerResponse,
	zip: Buffer,
	treatment: Treatment,
	onStop: () => void,
): void {
	const content = treatment.instead ?? zip;
	const [, first, last] = (!treatment.whole && /^bytes=(\d+)-(\d*)$/.exec(range ?? '')) || [];
	const from = Number(first ?? 0);
	const to = last ? Number(last) + 1 : content.length;
	if (from >= content.length) {
		response.writeHead(416).end();
		return;
	}
	const body = content.subarray(from, to);
	const headers: Record<string, string | number> = { 'content-length': body.length };
	if (first !== undefined) headers['content-range'] = `bytes ${from}-${to - 1}/${content.length}`;
	response.writeHead(first === undefined ? 200 : 206, headers);
	const { breakAfter, stopAfter } = treatment;
	const most = breakAfter ?? stopAfter;
	// A licence is shorter and comes as it should.
	if (most === undefined || body.length <= most) response.end(body);
	else {
		response.write(body.subarray(0, most), () =>
			breakAfter === undefined ? onStop() : response.destroy(),
		);
	}
}

function sha256(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}
