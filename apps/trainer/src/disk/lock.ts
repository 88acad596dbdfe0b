/**
 * @file One process at a time in a folder, or at a file. A lock is a file with its owner, `lock-<n>` in the folder or
 * `<file>.lock-<n>` beside the file; it counts as long as the owner runs, so a crash leaves none behind that matters.
 * Who finds the newest owner gone takes the next number: no lock is ever taken over in place, so two processes cannot
 * both take it.
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
  /** When the process began, as its system tells it: a number of a process is given again later. Null where unknown. */
  readonly began: string | null;
}

/** What is locked: its locks are the files of `folder` that are called `prefix` and a number. */
interface Locked {
  /** Begins the sentence of an error: `run: FOLDER`. */
  readonly told: string;
  readonly folder: string;
  readonly prefix: string;
}

const PREFIX = 'lock-';
const NUMBER = /^\d+$/;
/** How often an owner shows that it runs, and how long a sign counts that comes from another machine. */
const SIGN_EVERY_MS = 30_000;
const SIGN_COUNTS_MS = 300_000;
/** A lock without an owner in it is being written, unless that began so long ago. */
const WRITING_MS = 5_000;

/** Another process has the lock of a folder or a file. */
export class FolderInUse extends ConfigError {
  /** `process 12 on host`. */
  readonly owner: string;
  constructor(told: string, path: string, owner: string) {
    super(`${told} is in use by ${owner}; wait for its end or stop it, or delete ${path} if it runs no more.`);
    this.owner = owner;
  }
}

/** Whether a file is the lock of the folder that it lies in. */
export const isLock = (name: string): boolean => numberOf(name, PREFIX) !== null;

function numberOf(name: string, prefix: string): number | null {
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return NUMBER.test(rest) ? Number(rest) : null;
}

/**
 * Takes the lock of a folder; the result lets it go, as does the end of the process, however it comes.
 * @throws FolderInUse where another process that runs has it
 */
export const lockFolder = (folder: string): (() => void) => lock({ told: `run: ${folder}`, folder, prefix: PREFIX });

/** The same for a file, which need not be there; the folder that it lies in is made. */
export function lockFile(path: string): () => void {
  const folder = dirname(path);
  makeFolder(folder);
  return lock({ told: `file: ${path}`, folder, prefix: `${basename(path)}.${PREFIX}` });
}

function lock(locked: Locked): () => void {
  const { folder, prefix } = locked;
  for (;;) {
    const seen = locks(locked);
    refuse(locked, seen);
    const path = join(folder, `${prefix}${1 + Math.max(0, ...seen.map(({ number }) => number))}`);
    if (!create(path)) continue; // another one was faster: look again
    const others = locks(locked).filter((other) => other.path !== path);
    try {
      refuse(locked, others);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
    for (const old of others) rmSync(old.path, { force: true });
    return hold(path);
  }
}

function hold(path: string): () => void {
  const sign = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // the folder was deleted or its disk is gone; whatever is written next says so
    }
  }, SIGN_EVERY_MS).unref();
  if (held.size === 0) process.on('exit', releaseAll);
  held.add(path);
  return () => {
    clearInterval(sign);
    rmSync(path, { force: true });
    held.delete(path);
    if (held.size === 0) process.off('exit', releaseAll);
  };
}

/** Locks of this process. */
const held = new Set<string>();
const releaseAll = (): void => {
  for (const path of held) rmSync(path, { force: true });
};

interface Lock {
  readonly path: string;
  readonly number: number;
  /** Null where none is written in it. */
  readonly owner: Owner | null;
  /** Milliseconds since its last sign. */
  readonly age: number;
}

const locks = ({ folder, prefix }: Locked): Lock[] =>
  readdirSync(folder).flatMap((name) => {
    const number = numberOf(name, prefix);
    if (number === null) return [];
    const path = join(folder, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return [{ path, number, owner: readOwner(path), age }];
  });

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

/** False where it exists. */
function create(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return withFile(path, () => {
      throw error;
    });
  }
  const owner: Owner = { pid: process.pid, host: hostname(), began: beginOf(process.pid) };
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

function refuse({ told }: Locked, found: readonly Lock[]): void {
  const taken = found.find(counts);
  if (!taken) return;
  const who = taken.owner ? `process ${taken.owner.pid} on ${taken.owner.host}` : 'a process that has just begun';
  throw new FolderInUse(told, taken.path, who);
}

function counts({ owner, age }: Lock): boolean {
  if (!owner) return age < WRITING_MS;
  if (owner.host !== hostname()) return age < SIGN_COUNTS_MS;
  return runs(owner.pid) && (owner.began === null || owner.began === beginOf(owner.pid));
}

/** Whether a process of that number runs on this machine. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}

/** When a process began, in words that only compare; null where the system does not tell. */
function beginOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Fields after the name in parentheses, which may hold anything: the state first, of all the 22nd the start in
      // clock ticks. A zombie runs no more.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
    }
    if (process.platform === 'win32') return null;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
