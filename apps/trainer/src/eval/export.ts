/** @file Answers in the formats of other evaluation kits, which score them with their own programs. */
import { ConfigError } from '@curio/engine';
import { lmmsEvalLog, vlmEvalKitTable } from '@curio/eval';
import type { ResultFile, Run, SourceFile } from '@curio/eval';
import { readText } from '../run/files.ts';
import type { AnyBenchmark } from './data-set.ts';

const WRITERS = { 'lmms-eval': lmmsEvalLog, vlmevalkit: vlmEvalKitTable } as const;
type Kit = keyof typeof WRITERS;
export const KITS = Object.keys(WRITERS) as Kit[];

export interface Export {
  readonly kit: Kit;
  /** The documents with the kit's numbers. */
  readonly documents?: SourceFile;
}

/**
 * The kits of `--export KIT` and `--export KIT=FILE`. Warns if documents are numbered by position.
 * @throws ConfigError for an unknown kit
 */
export const exportsOf = (given: readonly string[] = []): Export[] =>
  given.map((text) => {
    const [word, path] = text.split(/=(.*)/s);
    const kit = KITS.find((name) => name === word);
    if (!kit)
      throw new ConfigError(
        `eval: --export is '${text}'; it must be ${KITS.join(' or ')}, or one of them with =FILE for its documents.`,
      );
    if (path === undefined && kit === 'lmms-eval')
      console.error(
        'eval: lmms-eval numbers documents by their position in its own data set, and the log uses the position in the question file; if the orders differ, give --export lmms-eval=SAMPLES.jsonl of a run with --log_samples.',
      );
    return { kit, ...(path !== undefined && { documents: { name: path, text: readText(path, 'eval') } }) };
  });

/** @throws EvalDataError where a kit has no such benchmark, or the documents are of another one */
export const exported = (benchmark: AnyBenchmark, run: Run, exports: readonly Export[] = []): ResultFile[] =>
  exports.map(({ kit, documents }) => WRITERS[kit](benchmark, run, documents));
