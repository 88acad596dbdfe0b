/**
 * @file A repository of a hub in the storage that the browser gives the page (OPFS):
 * `curio-hub/models--<owner>--<name>` with `blobs` by digest, `snapshots` that list the files of a commit, and `refs`
 * with the commit of a branch or tag. Only a worker can write there.
 */
import { showBytes } from '@curio/engine';
import { type Digest, type Draft, HubError, type HubName, type RepoCache, type RepoFile } from '@curio/hub';
import { blobSource, type ByteFolder, type ByteSource, handleSource } from '@curio/nn';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** Web types that TypeScript declares only for workers. */
interface AccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
interface WorkerFile extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<AccessHandle>;
  move(name: string): Promise<void>;
}

type Listed = Readonly<Record<string, Pick<RepoFile, 'size' | 'digest'>>>;

const ROOT = 'curio-hub';
const INCOMPLETE = '.incomplete';

const isError = (error: unknown, name: string): boolean => (error as Error | undefined)?.name === name;

/** The file, or undefined if there is none. */
async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<WorkerFile | undefined> {
  try {
    return (await folder.getFileHandle(name)) as WorkerFile;
  } catch (error) {
    if (isError(error, 'NotFoundError')) return undefined;
    throw error;
  }
}

const sizeIn = async (folder: FileSystemDirectoryHandle, name: string): Promise<number | undefined> =>
  (await (await fileIn(folder, name))?.getFile())?.size;

async function readText(folder: FileSystemDirectoryHandle, name: string): Promise<string | undefined> {
  return (await (await fileIn(folder, name))?.getFile())?.text();
}

/** What does not fit, in one sentence. */
async function noRoom(what: string): Promise<HubError> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return new HubError(
    `${what}, and this browser has ${showBytes(usage)} of the ${showBytes(quota)} that it allows the page`,
    "free some in the browser's settings, or use a smaller model; what has arrived is kept",
  );
}

/** Turns a refusal for lack of space into the sentence of `noRoom`. */
async function withRoom<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isError(error, 'QuotaExceededError') ? await noRoom(`${name} does not fit`) : error;
  }
}

/** The files of a commit; `below` gives those of a folder inside. */
export class StoredFolder implements ByteFolder {
  constructor(
    readonly name: string,
    private readonly blobs: FileSystemDirectoryHandle,
    private readonly listed: Listed,
    private readonly prefix = '',
  ) {}

  /** Paths of the files. */
  get paths(): string[] {
    const { prefix } = this;
    return Object.keys(this.listed).flatMap((path) => (path.startsWith(prefix) ? path.slice(prefix.length) : []));
  }

  below = (folder: string): StoredFolder =>
    new StoredFolder(`${this.name}/${folder}`, this.blobs, this.listed, `${this.prefix}${folder}/`);

  async open(name: string): Promise<ByteSource | undefined> {
    const path = this.prefix + name;
    const file = Object.hasOwn(this.listed, path) && (await fileIn(this.blobs, this.listed[path]!.digest));
    return file ? blobSource(name, await file.getFile()) : undefined;
  }
}

export class OpfsCache implements RepoCache<StoredFolder> {
  readonly place = "the browser's storage";

  private constructor(
    private readonly repo: HubName,
    private readonly blobs: FileSystemDirectoryHandle,
    private readonly snapshots: FileSystemDirectoryHandle,
    private readonly refs: FileSystemDirectoryHandle,
  ) {}

  static async open(repo: HubName): Promise<OpfsCache> {
    const below = (folder: FileSystemDirectoryHandle, name: string) =>
      folder.getDirectoryHandle(name, { create: true });
    const root = await below(await navigator.storage.getDirectory(), ROOT);
    const own = await below(root, `models--${repo.name.replace('/', '--')}`);
    return new OpfsCache(repo, await below(own, 'blobs'), await below(own, 'snapshots'), await below(own, 'refs'));
  }

  /** A branch may have slashes in its name. */
  commitOf = (revision: string): Promise<string | undefined> => readText(this.refs, encodeURIComponent(revision));

  refer = (revision: string, commit: string): Promise<void> =>
    this.writeText(this.refs, encodeURIComponent(revision), commit);

  async snapshot(commit: string): Promise<StoredFolder | undefined> {
    const listed = await this.listed(commit);
    return listed && new StoredFolder(this.repo.name, this.blobs, listed);
  }

  async isLinked(commit: string, file: RepoFile): Promise<boolean> {
    const listed = await this.listed(commit);
    return listed?.[file.path]?.digest === file.digest && this.isWhole(file);
  }

  isWhole = async ({ digest, size }: RepoFile): Promise<boolean> => (await sizeIn(this.blobs, digest)) === size;

  async open(_: string, { path, digest }: RepoFile): Promise<ByteSource> {
    return blobSource(path, await (await fileIn(this.blobs, digest))!.getFile());
  }

  async openDraft({ path, digest }: RepoFile): Promise<Draft> {
    const name = `${this.repo.name}/${path}`;
    return withRoom(name, async () => {
      const file = (await this.blobs.getFileHandle(digest + INCOMPLETE, { create: true })) as WorkerFile;
      return new OpfsDraft(this.blobs, file, await file.createSyncAccessHandle(), digest, name);
    });
  }

  async link(commit: string, files: readonly RepoFile[]): Promise<void> {
    const added = Object.fromEntries(files.map(({ path, size, digest }) => [path, { size, digest }]));
    await this.writeText(this.snapshots, commit, JSON.stringify({ ...(await this.listed(commit)), ...added }));
  }

  async requireRoom(files: readonly RepoFile[]): Promise<void> {
    let missing = 0;
    for (const { digest, size } of files)
      missing += size - ((await sizeIn(this.blobs, digest)) ?? (await sizeIn(this.blobs, digest + INCOMPLETE)) ?? 0);
    const { usage = 0, quota = Infinity } = await navigator.storage.estimate();
    if (missing > quota - usage) throw await noRoom(`${this.repo.name} needs ${showBytes(missing)} more`);
  }

  /** One tab at a time; closing the tab releases the lock. */
  async lock(onWait: (owner: string) => void): Promise<() => void> {
    const name = `curio hub ${this.repo.name}`;
    const taken = (ifAvailable: boolean): Promise<(() => void) | null> =>
      new Promise((resolve, reject) => {
        const hold = (lock: Lock | null): Promise<void> | void => {
          if (!lock) return resolve(null);
          return new Promise<void>((release) => resolve(release));
        };
        navigator.locks.request(name, { ifAvailable }, hold).catch(reject);
      });
    const free = await taken(true);
    if (free) return free;
    onWait('another tab');
    return (await taken(false))!;
  }

  digest(kind: 'sha1' | 'sha256'): Digest {
    const hash = kind === 'sha1' ? sha1.create() : sha256.create();
    return { update: (bytes) => hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
  }

  /** Replaces a file: a reader sees all of the old one or all of the new one. */
  private writeText(folder: FileSystemDirectoryHandle, name: string, text: string): Promise<void> {
    return withRoom(this.repo.name, async () => {
      const output = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await output.write(text);
      await output.close();
    });
  }

  private async listed(commit: string): Promise<Listed | undefined> {
    const text = await readText(this.snapshots, commit);
    return text === undefined ? undefined : (JSON.parse(text) as Listed);
  }
}

class OpfsDraft implements Draft {
  size: number;
  private isOpen = true;

  constructor(
    private readonly folder: FileSystemDirectoryHandle,
    private readonly file: WorkerFile,
    private readonly handle: AccessHandle,
    private readonly digest: string,
    private readonly name: string,
  ) {
    this.size = handle.getSize();
  }

  read = (offset: number, length: number): Promise<Uint8Array> =>
    handleSource(this.name, this.handle).read(offset, length);

  append(bytes: Uint8Array): Promise<void> {
    const { handle } = this;
    return withRoom(this.name, async () => {
      for (let done = 0; done < bytes.length; ) {
        const written = handle.write(bytes.subarray(done), { at: this.size });
        if (written === 0) throw new DOMException('nothing was written', 'QuotaExceededError');
        done += written;
        this.size += written;
      }
      handle.flush(); // the next page continues here
    });
  }

  async clear(): Promise<void> {
    this.handle.truncate(0);
    this.size = 0;
  }

  async commit(): Promise<void> {
    this.end();
    // A file of another size, which no check accepted, may be there.
    if (await fileIn(this.folder, this.digest)) await this.folder.removeEntry(this.digest);
    await this.file.move(this.digest);
  }

  async drop(): Promise<void> {
    this.end();
    await this.folder.removeEntry(this.file.name);
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    if (this.size === 0) return this.drop();
    this.end();
  }

  private end(): void {
    if (this.isOpen) this.handle.close();
    this.isOpen = false;
  }
}
