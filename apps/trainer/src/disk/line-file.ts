/**
 * @file A file that grows line by line and survives a crash of its writer: an incomplete last line is dropped. Only one
 * process at a time has it open.
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
   * Reads the file, if it exists, and locks it until `close`, or until `use` throws; nothing is changed before the
   * first `write`.
   * @throws FileError; PathInUse if another process has it
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

  /** Whether the last line was incomplete, as after a crash, and is dropped. */
  readonly torn: boolean;
  /** The complete lines. */
  readonly text: string;

  /** Appends text that ends with a newline. @throws FileError */
  write(line: string): void {
    withFile(this.path, () => {
      this.file ??= this.open();
      const bytes = new TextEncoder().encode(line);
      for (let done = 0; done < bytes.length; ) done += writeSync(this.file, bytes, done);
    });
  }

  /** Syncs and closes the file, and creates it if nothing was written. @throws FileError */
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
