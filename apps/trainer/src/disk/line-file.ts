/** @file A file that grows line by line and survives its writer: each line is whole in it or not there. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, withFile } from './system-error.ts';

export class LineFile {
  private file: number | null = null;

  /** Reads what is there; nothing is changed before the first `write`. @throws FileError */
  constructor(readonly path: string) {
    const bytes = withFile(path, () => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0)));
    this.end = bytes.lastIndexOf(10) + 1;
    this.torn = this.end < bytes.length;
    this.text = bytes.subarray(0, this.end).toString('utf8');
  }

  /** Whether a last line was cut in the middle, as by a crash; it is dropped. */
  readonly torn: boolean;
  /** The whole lines. */
  readonly text: string;
  private readonly end: number;

  /** Adds text that ends with a newline. @throws FileError */
  write(line: string): void {
    withFile(this.path, () => {
      this.file ??= this.open();
      const bytes = new TextEncoder().encode(line);
      for (let done = 0; done < bytes.length; ) done += writeSync(this.file, bytes, done);
    });
  }

  /** Leaves the file on the disk, also one without lines. @throws FileError */
  close(): void {
    withFile(this.path, () => {
      this.file ??= this.open();
      fsyncSync(this.file);
      closeSync(this.file);
    });
  }

  private open(): number {
    makeFolder(dirname(this.path));
    const file = openSync(this.path, 'a+');
    ftruncateSync(file, this.end);
    return file;
  }
}
