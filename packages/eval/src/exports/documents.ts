/**
 * @file The documents of a data set as another evaluation kit has them: its own table, or a log of samples that it
 * wrote. Kits number documents by their place in data sets of their own, whose order need not be the bundle's, so
 * answers are matched by what both name: an id, or the question.
 */
import type { Entry, SourceFile } from '../benchmark.ts';
import { EvalDataError, type FileRecord, readJsonLines, shown, someOf } from '../records.ts';
import { readTable } from '../text/tab-separated.ts';

export interface Document {
  /** How errors name it. */
  readonly where: string;
  readonly fields: ReadonlyMap<string, unknown>;
}

/** A table with tabs between, as VLMEvalKit downloads it. @throws EvalDataError */
export function tableDocuments(file: SourceFile): { columns: readonly string[]; documents: readonly Document[] } {
  const { columns, rows } = readTable(file);
  return {
    columns,
    documents: someOf(
      file,
      rows.map((fields, i) => ({ where: `${file.name}, row ${i + 2}`, fields })),
    ),
  };
}

/** Samples that lmms-eval logged, of any model: `{"doc_id", "doc"}` a line. @throws EvalDataError */
export function sampleDocuments(file: SourceFile): readonly (Document & { readonly docId: number })[] {
  return someOf(
    file,
    readJsonLines(file).map((record: FileRecord) => {
      const doc = record.record('doc');
      return { where: record.where, docId: record.whole('doc_id'), fields: new Map(Object.entries(doc.fields)) };
    }),
  );
}

const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();

/**
 * The document of each entry. They are matched by the first field that names every entry's id, each once; else by
 * place, where there are as many documents as entries. Either way a document's `question` must stand in the prompt,
 * unless all entries have one prompt, as captions do.
 * @throws EvalDataError where neither holds
 */
export function documentsOf<D extends Document>(
  benchmark: string,
  documents: readonly D[],
  entries: readonly Entry[],
  promptOf: (entry: Entry) => string,
): D[] {
  const [first] = documents;
  const prompts = entries.map((entry) => plain(promptOf(entry)));
  const areAlike = new Set(prompts).size === 1 && prompts.length > 1;
  const stray = (found: readonly D[]): number =>
    areAlike
      ? -1
      : found.findIndex(({ fields }, i) => {
          const question = fields.get('question');
          return typeof question === 'string' && !prompts[i].includes(plain(question));
        });
  let wrong: { readonly document: D; readonly prompt: string } | null = null;
  const tried = (found: readonly D[]): D[] | null => {
    const at = stray(found);
    if (at < 0) return [...found];
    wrong ??= { document: found[at], prompt: prompts[at] };
    return null;
  };
  for (const field of first.fields.keys()) {
    const byId = new Map(documents.map((document) => [String(document.fields.get(field)), document]));
    const found = entries.map(({ id }) => byId.get(String(id)));
    if (byId.size < documents.length || found.some((document) => document === undefined)) continue;
    const matched = tried(found as D[]);
    if (matched) return matched;
  }
  const matched = documents.length === entries.length ? tried(documents) : null;
  if (matched) return matched;
  const { document, prompt } = (wrong ?? {}) as { document?: D; prompt?: string };
  throw new EvalDataError(
    document
      ? `${benchmark}: ${document.where}: its question is ${shown(document.fields.get('question'))} and the entry's prompt ${shown(prompt)}; give documents of the same data set.`
      : `${benchmark}: no field of ${first.where} names the ids of the ${entries.length} entries, such as ${shown(entries[0].id)}, and there are ${documents.length} documents; give documents of the same data set.`,
  );
}
