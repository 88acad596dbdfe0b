/**
 * @file Locks a folder or a file for one process. A lock is a file that names its owner, `lock-<n>` in the folder or
 * `<file>.lock-<n>` next to the file. It is valid while the owner runs, so the lock of a crashed process does no harm.
 * A process that finds only stale locks creates the next number: a lock is never taken over in place, so two processes
 * cannot both get it.
 */
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { makeFolder, withFile } from './system-error.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, by its system's account, since process ids are reused. Null if unknown. */
  readonly began: string | null;
}

/** What is locked: its locks are the files `<prefix><n>` of `folder`. */
interface Locked {
  /** How an error begins: `run: FOLDER`. */
  readonly subject: string;
  readonly folder: string;
  readonly prefix: string;
}

const PREFIX = 'lock-';
const NUMBER = /^\d+$/;
/** How often an owner touches its lock, and after what silence the lock of another machine is stale. */
const HEARTBEAT_MS = 30_000;
const HEARTBEAT_EXPIRES_MS = 300_000;
/** A lock that names no owner is being written, unless it is older than this. */
const UNWRITTEN_EXPIRES_MS = 5_000;

/** Another process has locked the folder or the file. */
export class PathInUse extends ConfigError {
  /** `process 12 on host`. */
  readonly owner: string;
  constructor(subject: string, path: string, owner: string) {
    super(`${subject} is in use by ${owner}; wait for it or stop it, or delete ${path} if it no longer runs.`);
    this.owner = owner;
  }
}

/** Whether a file name is that of a folder's lock. */
export const isLock = (name: string): boolean => numberOf(name, PREFIX) !== null;

function numberOf(name: string, prefix: string): number | null {
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return NUMBER.test(rest) ? Number(rest) : null;
}

/**
 * Locks a folder; the result unlocks it, as does the end of the process, even by a crash.
 * @throws PathInUse if another running process has locked it
 */
export const lockFolder = (folder: string): (() => void) => lock({ subject: `run: ${folder}`, folder, prefix: PREFIX });

/** The same for a file, which need not exist; its folder is created. */
export function lockFile(path: string): () => void {
  const folder = dirname(path);
  makeFolder(folder);
  return lock({ subject: `file: ${path}`, folder, prefix: `${basename(path)}.${PREFIX}` });
}

function lock(locked: Locked): () => void {
  const { folder, prefix } = locked;
  for (;;) {
    const existing = locks(locked);
    requireFree(locked, existing);
    const path = join(folder, `${prefix}${1 + Math.max(0, ...existing.map(({ number }) => number))}`);
    if (!tryCreate(path)) continue; // another process was faster: look again
    const others = locks(locked).filter((other) => other.path !== path);
    try {
      requireFree(locked, others);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
    for (const old of others) rmSync(old.path, { force: true });
    return keepAlive(path);
  }
}

function keepAlive(path: string): () => void {
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // the folder or its disk is gone, which the next write reports
    }
  }, HEARTBEAT_MS).unref();
  if (ownLocks.size === 0) process.on('exit', releaseAll);
  ownLocks.add(path);
  return () => {
    clearInterval(heartbeat);
    rmSync(path, { force: true });
    ownLocks.delete(path);
    if (ownLocks.size === 0) process.off('exit', releaseAll);
  };
}

/** Locks of this process. */
const ownLocks = new Set<string>();
const releaseAll = (): void => {
  for (const path of ownLocks) rmSync(path, { force: true });
};

interface Lock {
  readonly path: string;
  readonly number: number;
  /** Null if none is written yet. */
  readonly owner: Owner | null;
  /** Milliseconds since its last heartbeat. */
  readonly silentMs: number;
}

const locks = ({ folder, prefix }: Locked): Lock[] =>
  readdirSync(folder).flatMap((name) => {
    const number = numberOf(name, prefix);
    if (number === null) return [];
    const path = join(folder, name);
    const silentMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return [{ path, number, owner: readOwner(path), silentMs }];
  });

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

/** False if it exists already. */
function tryCreate(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return withFile(path, () => {
      throw error;
    });
  }
  const owner: Owner = { pid: process.pid, host: hostname(), began: startTimeOf(process.pid) };
  try {
    withFile(path, () => writeSync(file, `${JSON.stringify(owner)}\n`));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

function requireFree({ subject }: Locked, found: readonly Lock[]): void {
  const taken = found.find(isValid);
  if (!taken) return;
  const who = taken.owner ? `process ${taken.owner.pid} on ${taken.owner.host}` : 'a process that is just starting';
  throw new PathInUse(subject, taken.path, who);
}

function isValid({ owner, silentMs }: Lock): boolean {
  if (!owner) return silentMs < UNWRITTEN_EXPIRES_MS;
  if (owner.host !== hostname()) return silentMs < HEARTBEAT_EXPIRES_MS;
  return isRunning(owner.pid) && (owner.began === null || owner.began === startTimeOf(owner.pid));
}

/** Whether a process with this id runs on this machine. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's process
  }
}

/** When a process started, as text to compare with; null if the system does not say. */
function startTimeOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The fields after the name, which is in parentheses and may contain anything: the state, and 19 later the start
      // time in clock ticks. A zombie no longer runs.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
    }
    if (process.platform === 'win32') return null;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
