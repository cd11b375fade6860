import { createRequire } from 'node:module';

/** Adobe's program, as far as it is asked: what it signs is the folder and one file more. */
export const SIGNER = `#!${process.execPath}
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join, relative } = require('node:path');
const [verb, ...given] = process.argv.slice(2);
if (verb === '-selfSignedCert') {
	if (given.length !== 8 || given[6] !== '-validityDays') throw new Error('bad certificate');
	writeFileSync(given[5], given[4]);
} else if (verb === '-sign') {
	const [input, output, certificate, password] = given;
	if (readFileSync(certificate, 'utf8') !== password) throw new Error('wrong password');
	const files = { 'META-INF/signatures.xml': Buffer.from('<signatures/>') };
	for (const entry of readdirSync(input, { recursive: true, withFileTypes: true })) {
		const path = join(entry.parentPath, entry.name);
		if (entry.isFile()) files[relative(input, path)] = readFileSync(path);
	}
	const { zipSync } = require(${JSON.stringify(createRequire(import.meta.url).resolve('fflate'))});
	writeFileSync(output, zipSync(files));
} else process.exit(1);
`;
