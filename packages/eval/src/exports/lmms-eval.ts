/**
 * @file Answers as a log that lmms-eval's model `from_log` reads, which then scores them by its own tasks. Source:
 * https://github.com/EvolvingLMMs-Lab/lmms-eval, its model `from_log`.
 *
 * It looks through a folder for JSON files of {"args": {"model", "model_args", "limit"}, "model_configs": {"task"},
 * "logs": [{"doc_id", "resps": [[text]]}]}. `doc_id` is the document's place in the kit's own data set; `documents` is
 * a log of samples that the kit wrote of that task (`--log_samples`), by which answers are given their documents.
 * Without it an entry's place in the question file is its document's.
 */
import { paired } from '../answers.ts';
import type { Benchmark, Entry, ResultFile, Run, SourceFile } from '../benchmark.ts';
import { EvalDataError } from '../records.ts';
import { pythonJson } from '../text/python-json.ts';
import { documentsOf, sampleDocuments } from './documents.ts';

/** Tasks by benchmark; where a data set has a split with truth and one without, the one that the files are of. */
const TASKS: Readonly<Record<string, string | readonly [withTruth: string, without: string, truth: string]>> = {
  vqav2: ['vqav2_val', 'vqav2_test', 'annotations'],
  gqa: 'gqa',
  vizwiz: ['vizwiz_vqa_val', 'vizwiz_vqa_test', 'annotations'],
  scienceqa: 'scienceqa',
  textvqa: 'textvqa_val',
  'textvqa-no-ocr': 'textvqa_val',
  pope: 'pope',
  'mm-vet': 'mmvet',
  'llava-bench': 'llava_in_the_wild',
  mmbench: 'mmbench_en_dev',
  'mmbench-cn': 'mmbench_cn_dev',
  'coco-captions': 'coco_karpathy_test',
  flickr30k: 'flickr30k_test',
  nocaps: 'nocaps_val',
};

/** @throws EvalDataError if it has no such task, or the documents are not those of the entries */
export function lmmsEvalLog(
  // biome-ignore lint/suspicious/noExplicitAny: each benchmark has entries of its own kind
  benchmark: Benchmark<any, string>,
  { name, entries, answers, files }: Run,
  documents?: SourceFile,
): ResultFile {
  const known = TASKS[benchmark.name];
  if (!known)
    throw new EvalDataError(
      `lmms-eval: it has no task of ${benchmark.name}; it has those of ${Object.keys(TASKS).join(', ')}.`,
    );
  const task = typeof known === 'string' ? known : files[known[2]] ? known[0] : known[1];
  const texts = paired(benchmark.name, entries, answers, { idOf: benchmark.idOf }).map(([, text]) => text);
  const samples = documents && sampleDocuments(documents);
  const ids = samples
    ? documentsOf('lmms-eval', samples, entries, (entry: Entry) => benchmark.prompt(entry)).map(({ docId }) => docId)
    : entries.map((_, i) => i);
  const isWhole = !samples || samples.length === entries.length;
  const log = {
    args: { model: name, model_args: `benchmark=${benchmark.name}`, limit: isWhole ? null : entries.length },
    model_configs: { task },
    logs: texts.map((text, i) => ({ doc_id: ids[i], resps: [[text]] })),
  };
  return { name: `lmms-eval/${name}/${task}.json`, content: `${pythonJson(log)}\n` };
}
