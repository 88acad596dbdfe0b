/**
 * @file A file that grows line by line and survives its writer: each line is whole in it or not there. One process at a
 * time has it.
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { lockFile } from './lock.ts';
import { withFile } from './system-error.ts';

export class LineFile {
  private file: number | null = null;
  private readonly end: number;

  private constructor(
    readonly path: string,
    bytes: Buffer,
    private readonly release: () => void,
  ) {
    this.end = bytes.lastIndexOf(10) + 1;
    this.torn = this.end < bytes.length;
    this.text = bytes.subarray(0, this.end).toString('utf8');
  }

  /**
   * Reads what is there, and keeps other processes from the file until `close`, or until `use` throws; nothing in it is
   * changed before the first `write`.
   * @throws FileError, and FolderInUse where another process has it
   */
  static open<T>(path: string, use: (file: LineFile) => T): T {
    const release = lockFile(path);
    try {
      const bytes = withFile(path, () => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0)));
      return use(new LineFile(path, bytes, release));
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Whether a last line was cut in the middle, as by a crash; it is dropped. */
  readonly torn: boolean;
  /** The whole lines. */
  readonly text: string;

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
    try {
      withFile(this.path, () => {
        this.file ??= this.open();
        fsyncSync(this.file);
        closeSync(this.file);
      });
    } finally {
      this.release();
    }
  }

  private open(): number {
    const file = openSync(this.path, 'a+');
    ftruncateSync(file, this.end);
    return file;
  }
}
