/** @file The files of a benchmark, laid out as published, and the pictures of its entries. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { benchmarkNamed, EvalDataError } from '@curio/eval';
import type { Entry, SourceFile } from '@curio/eval';
import { isFile, isFolder, readText } from '../run/files.ts';
import type { Asked } from '../talk/answer-all.ts';

export type AnyBenchmark = ReturnType<typeof benchmarkNamed>;

export interface DataOptions {
  /** The benchmark's folder. */
  readonly data: string;
  /** The folder of its pictures; default: where the download has it. */
  readonly images?: string;
  /** `ROLE=FILE` for files in other places. */
  readonly file?: readonly string[];
  /** Only the first `limit` entries. */
  readonly limit?: number;
}

export interface DataSet {
  readonly benchmark: AnyBenchmark;
  readonly files: Readonly<Record<string, SourceFile>>;
  readonly entries: readonly Entry[];
  readonly images: string;
  /** SHA-256 of each file by role, so that a score says what it was computed on. */
  readonly digests: Readonly<Record<string, string>>;
}

/** Errors of a benchmark's reader are faults of the data, reported as such. */
export function ofData<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof EvalDataError) throw new DataError(error.message, { cause: error });
    throw error;
  }
}

/** Reads the files. @throws DataError for what is missing or wrong in them, naming file, entry and field */
export function openDataSet(name: string, { data, images, file = [], limit }: DataOptions): DataSet {
  const benchmark = benchmarkNamed(name);
  if (!isFolder(data))
    throw new DataError(`eval: --data ${data} does not exist; give the folder of ${benchmark.title}.`);
  const elsewhere = filesElsewhere(benchmark, file);
  const files: Record<string, SourceFile> = {};
  for (const [role, { path, holds, optional }] of Object.entries(benchmark.layout)) {
    const at = elsewhere.get(role) ?? join(data, path);
    if (isFile(at)) files[role] = { name: at, text: readText(at, 'eval') };
    else if (!optional || elsewhere.has(role))
      throw new DataError(`eval: ${at} does not exist; it has ${holds}; give it with --file ${role}=FILE.`);
  }
  const all: Entry[] = ofData(() => benchmark.read(files));
  const digests = Object.fromEntries(
    Object.entries(files).map(([role, { text }]) => [role, createHash('sha256').update(text).digest('hex')]),
  );
  const entries = limit === undefined ? all : all.slice(0, limit);
  return { benchmark, files, entries, images: images ?? join(data, benchmark.images ?? ''), digests };
}

function filesElsewhere({ name, layout }: AnyBenchmark, given: readonly string[]): Map<string, string> {
  return new Map(
    given.map((text) => {
      const cut = text.indexOf('=');
      const role = text.slice(0, Math.max(0, cut));
      if (!(role in layout))
        throw new ConfigError(
          `eval: --file is '${text}'; it must be ROLE=FILE, and ${name} has the roles ${Object.keys(layout).join(', ')}.`,
        );
      return [role, text.slice(cut + 1)];
    }),
  );
}

/** Entries as questions to the model. @throws DataError for a missing picture */
export function questionsOf({ benchmark, images }: DataSet, entries: readonly Entry[]): Asked[] {
  return entries.map((entry) => {
    const { id, image, imageBase64 } = entry;
    const text: string = benchmark.prompt(entry);
    if (imageBase64 !== undefined) return { id, text, image: Buffer.from(imageBase64, 'base64') };
    if (image === null) return { id, text };
    const path = join(images, image);
    if (!existsSync(path))
      throw new DataError(
        `eval: ${benchmark.name}, entry ${JSON.stringify(id)}: image '${image}' not found under ${images}; give the folder with --images.`,
      );
    return { id, text, image: path };
  });
}
