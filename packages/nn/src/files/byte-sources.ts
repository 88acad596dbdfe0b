/**
 * @file Byte sources for what platforms offer: a Blob or File, a synchronous OPFS handle, a server that supports HTTP
 * ranges. Each is declared as a small interface that the platform's own objects satisfy.
 */
import { CurioError, WeightError } from '@curio/engine';
import { shownText } from './shown.ts';
import { roomFor } from './tensor-file.ts';
import type { ByteFolder, ByteSource } from './tensor-file.ts';

/** The part of Blob and File that is used. */
export interface BlobLike {
  readonly size: number;
  slice(begin: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** A Blob, read in parts without loading it into memory: browsers keep large ones on disk. */
export const blobSource = (name: string, blob: BlobLike): ByteSource => ({
  name,
  size: blob.size,
  read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
});

/** The part of OPFS's `FileSystemSyncAccessHandle` that is used. */
export interface SyncHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
}

/** An OPFS file opened by a worker; the caller closes the handle. */
export const handleSource = (name: string, handle: SyncHandle): ByteSource => ({
  name,
  size: handle.getSize(),
  read: async (offset, length, into) => {
    const bytes = roomFor(length, into);
    for (let done = 0; done < length; ) {
      const came = handle.read(bytes.subarray(done), { at: offset + done });
      if (came === 0)
        throw new WeightError(
          `weights: ${name}: it ended at byte ${offset + done} and ${offset + length} were expected; it was truncated while being read.`,
        );
      done += came;
    }
    return bytes;
  },
});

/** The part of `fetch` that is used. A CurioError that it throws is final; anything else may be tried again. */
export type FetchBytes = (
  address: string,
  init: { headers: Record<string, string>; signal: AbortSignal },
) => Promise<FetchedBytes>;
export interface FetchedBytes {
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
}

export interface HttpOptions {
  /** For messages. Default: the address without its query, which may contain a key. */
  readonly name?: string;
  /** Sent with each request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How often an interrupted read is resumed. Default 4. */
  readonly retries?: number;
  /** Milliseconds before the first retry; the delay doubles each time. Default 250. */
  readonly pause?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly silence?: number;
}

/** Why a request may be retried. */
class Broken extends Error {}

/**
 * Opens a file on a server that supports range requests; only its size is requested now.
 * @returns undefined where the server has no such file (404)
 * @throws WeightError, as reads do, in one sentence where it cannot be reached, sends whole files only, sends other
 * bytes than requested, or if the file changes meanwhile
 */
export async function openHttpSource(
  address: string,
  fetchBytes: FetchBytes,
  options: HttpOptions = {},
): Promise<ByteSource | undefined> {
  const file = new HttpFile(address, fetchBytes, options);
  return (await file.open()) ? file : undefined;
}

/** A folder on such a server. @param address ends with a slash */
export const httpFolder = (address: string, fetchBytes: FetchBytes, options: HttpOptions = {}): ByteFolder => ({
  name: options.name ?? bareAddress(address),
  open: (name) =>
    openHttpSource(address + encodeURIComponent(name), fetchBytes, {
      ...options,
      name: options.name && `${options.name}/${name}`,
    }),
});

const bareAddress = (address: string): string => shownText(address.replace(/[?#].*$/s, ''));

class HttpFile implements ByteSource {
  readonly name: string;
  size = 0;
  private tag: string | null = null;

  constructor(
    private readonly address: string,
    private readonly fetchBytes: FetchBytes,
    private readonly options: HttpOptions,
  ) {
    this.name = options.name ?? bareAddress(address);
  }

  /** Requests the first byte, and thereby the size. @returns whether the file is there */
  async open(): Promise<boolean> {
    return this.repeated(async () => {
      const response = await this.request(0, 1);
      await response.body?.cancel();
      if (response.status === 404) return false;
      const range = response.headers.get('content-range');
      // An empty file has no first byte.
      if (response.status === 416 && range === 'bytes */0') return true;
      this.requirePart(response, 0, 1);
      const size = /^bytes 0-0\/(\d+)$/.exec(range ?? '')?.[1];
      if (!size)
        this.fail(
          `the server answered a request for byte 0 with '${shownText(range ?? '')}'; it must say how large the file is.`,
        );
      this.size = Number(size);
      this.tag = response.headers.get('etag');
      return true;
    });
  }

  async read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const bytes = roomFor(length, into);
    let done = 0;
    // An interrupted read resumes at the byte where it stopped.
    await this.repeated(async () => {
      const [begin, end] = [offset + done, offset + length];
      const response = await this.request(begin, end);
      this.requirePart(response, begin, end);
      const range = response.headers.get('content-range');
      if (range !== `bytes ${begin}-${end - 1}/${this.size}`)
        this.fail(
          `bytes ${begin}-${end - 1}/${this.size} were asked for and the server sent '${shownText(range ?? '')}'; the file is damaged or has changed.`,
        );
      for await (const part of this.partsOf(response)) {
        if (done + part.length > length)
          this.fail(`the server sent more than the ${length} bytes asked for; it is damaged.`);
        bytes.set(part, done);
        done += part.length;
      }
      if (done < length) throw new Broken(`was cut off at byte ${offset + done} of ${offset + length}`);
    });
    return bytes;
  }

  private fail(what: string): never {
    throw new WeightError(`http: ${this.name}: ${what}`);
  }

  /** Runs `attempt` again after temporary failures, at most `retries` times. */
  private async repeated<T>(attempt: () => Promise<T>): Promise<T> {
    const { retries = 4, pause = 250 } = this.options;
    for (let failed = 0; ; failed++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        if (failed === retries)
          this.fail(`the connection ${error.message}, ${failed + 1} times; try again when the network is better.`);
        await new Promise((wake) => setTimeout(wake, pause * 2 ** failed));
      }
    }
  }

  private async request(begin: number, end: number): Promise<FetchedBytes> {
    const control = new AbortController();
    const headers = { ...this.options.headers, range: `bytes=${begin}-${end - 1}` };
    try {
      return await this.soon(this.fetchBytes(this.address, { headers, signal: control.signal }));
    } catch (error) {
      control.abort();
      // An error of ours from `fetchBytes` means that trying again is pointless.
      throw error instanceof Broken || error instanceof CurioError
        ? error
        : new Broken(`could not be made (${shownText(reasonOf(error))})`);
    }
  }

  /** Refuses a response that is not part of the same file, and releases its body. */
  private requirePart(response: FetchedBytes, begin: number, end: number): void {
    const { status, statusText, headers } = response;
    const tag = headers.get('etag');
    const coding = headers.get('content-encoding');
    if (status === 206 && (coding ?? 'identity') === 'identity' && (this.tag === null || tag === this.tag)) return;
    void response.body?.cancel().catch(() => {});
    const range = `bytes ${begin} to ${end - 1}`;
    if (status === 200)
      this.fail(`the server answered a request for ${range} with the whole file; one that supports ranges is needed.`);
    if (status === 429 || status >= 500) throw new Broken(`was answered ${status} ${shownText(statusText)}`.trimEnd());
    if (status !== 206)
      this.fail(
        `the server answered ${`${status} ${shownText(statusText)}`.trimEnd()} to a request for ${range}; it must be 206.`,
      );
    if (tag !== this.tag)
      this.fail(
        `it was ${shownText(String(this.tag))} when it was opened and is ${shownText(tag ?? 'without a tag')} now; open it again.`,
      );
    this.fail(`the server sent ${range} as ${shownText(coding!)}; parts must be sent uncompressed.`);
  }

  private async *partsOf({ body }: FetchedBytes): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = await this.soon(reader.read());
        if (done) return;
        yield value;
      }
    } catch (error) {
      // A lost connection shows as an error here or as an early end; either way bytes are missing.
      if (error instanceof WeightError) throw error;
    } finally {
      void reader.cancel().catch(() => {});
    }
  }

  /** `promise`, or a failure if nothing happens for too long. */
  private soon<T>(promise: Promise<T>): Promise<T> {
    const { silence = 30_000 } = this.options;
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Broken(`was silent for ${silence / 1000} s`)), silence);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? `${message}: ${cause.message}` : message;
};
