import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** ExtendScript's `File`, callable with and without `new`. `mayWrite`: whether scripts may write files. */
export function fileFace(mayWrite: () => boolean): new (path?: string) => object {
	class File {
		readonly fsName: string;
		encoding = 'BINARY';
		#written: string | null = null;
		#read: string | null = null;

		constructor(path = '') {
			this.fsName = path;
		}

		get name(): string {
			return encodeURI(basename(this.fsName));
		}

		get exists(): boolean {
			return existsSync(this.fsName) && statSync(this.fsName).isFile();
		}

		open(mode: string): boolean {
			if (mode === 'r') {
				this.#read = this.exists ? readFileSync(this.fsName, 'utf8') : null;
				return this.#read !== null;
			}
			if (!mayWrite()) return false;
			this.#written = '';
			return true;
		}

		read(): string {
			return this.#read ?? '';
		}

		write(text: string): boolean {
			if (this.#written === null) return false;
			this.#written += text;
			return true;
		}

		close(): boolean {
			if (this.#written !== null) writeFileSync(this.fsName, this.#written);
			this.#written = null;
			return true;
		}

		remove(): boolean {
			rmSync(this.fsName, { force: true });
			return true;
		}
	}
	return new Proxy(File, { apply: (target, _self, given: [string?]) => new target(given[0]) });
}
