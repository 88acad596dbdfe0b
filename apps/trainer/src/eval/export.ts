/** @file Answers in the formats of other evaluation kits, which score them by programs of their own. */
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
  /** The documents as the kit numbers them. */
  readonly documents?: SourceFile;
}

/**
 * The kits of `--export KIT` and `--export KIT=FILE`. Says where documents are numbered by their place.
 * @throws ConfigError for a kit that there is not
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
        'eval: lmms-eval numbers documents by their place in its own data set, and the log takes the place in the question file for it; where the orders differ, give --export lmms-eval=SAMPLES.jsonl of a run with --log_samples.',
      );
    return { kit, ...(path !== undefined && { documents: { name: path, text: readText(path, 'eval') } }) };
  });

/** @throws EvalDataError where a kit has no such benchmark, or the documents are of another one */
export const exported = (benchmark: AnyBenchmark, run: Run, exports: readonly Export[] = []): ResultFile[] =>
  exports.map(({ kit, documents }) => WRITERS[kit](benchmark, run, documents));
