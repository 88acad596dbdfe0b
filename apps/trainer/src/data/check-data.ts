/**
 * @file Checks a data set: what is wrong with its entries, by kind, and how the model reads one of them. Only one entry
 * is in memory at a time.
 */
import { DataError } from '@curio/engine';
import { encodeConversation, encodePlain, isFault, readEntry } from '@curio/model';
import type { EntrySamples, Template, Tokens } from '@curio/model';
import type { OpenedSet } from './open-set.ts';

/** The report on a whole set, which `curio data check --json` prints. */
export interface DataCheck {
  readonly file: string;
  readonly entries: number;
  readonly samples: number;
  /** Samples with a picture, and without. */
  readonly withPicture: number;
  readonly textAlone: number;
  /** Words in a sample: the fewest, the mean and the most. */
  readonly words: { readonly least: number; readonly mean: number; readonly most: number };
  /** Entries that cannot be used, by what is wrong; and the first of each kind. */
  readonly wrong: Readonly<Record<string, number>>;
  readonly firstWrong: readonly { readonly entry: number; readonly id: string; readonly reason: string }[];
  /** Unusual entries, by how they are treated. */
  readonly unusual: Readonly<Record<string, number>>;
}

export async function checkData({ samples }: OpenedSet): Promise<DataCheck> {
  const { lengths } = samples;
  let [withPicture, total, least, most] = [0, 0, Infinity, 0];
  for (const length of lengths) {
    const words = Math.abs(length);
    if (length > 0) withPicture++;
    total += words;
    least = Math.min(least, words);
    most = Math.max(most, words);
  }
  const firstWrong: DataCheck['firstWrong'][number][] = [];
  const kinds = samples.faultCounts();
  const seen = new Set<string>();
  for await (const { entry, id, kind, reason } of samples.faults()) {
    if (seen.has(kind)) continue;
    seen.add(kind);
    firstWrong.push({ entry, id, reason });
    if (seen.size === kinds.size) break;
  }
  return {
    file: samples.file,
    entries: samples.entryCount,
    samples: samples.length,
    withPicture,
    textAlone: samples.length - withPicture,
    words: { least: samples.length > 0 ? least : 0, mean: samples.length > 0 ? total / samples.length : 0, most },
    wrong: Object.fromEntries(kinds),
    firstWrong,
    unusual: Object.fromEntries(samples.noteCounts()),
  };
}

/** The check as lines of text. */
export function checkLines(check: DataCheck): string[] {
  const { file, entries, samples, withPicture, textAlone, words, wrong, firstWrong, unusual } = check;
  const row = ([what, count]: [string, number]): string => `  ${String(count).padStart(8)}  ${what}`;
  const section = (title: string, rows: string[]): string[] => (rows.length > 0 ? [title, ...rows] : []);
  return [
    `${file}: ${entries} entries, ${samples} can be used: ${withPicture} with a picture, ${textAlone} text alone; words ${words.least} to ${words.most}, ${words.mean.toFixed(1)} on average`,
    ...section('cannot be used:', Object.entries(wrong).map(row)),
    ...firstWrong.map(({ entry, id, reason }) => `            entry ${entry} (id ${id}): ${reason}`),
    ...section('unusual:', Object.entries(unusual).map(row)),
  ];
}

/** The number of the entry with an id. @throws DataError if there is none */
export async function findEntry(samples: EntrySamples, id: string): Promise<number> {
  for (let entry = 0; entry < samples.entryCount; entry++) {
    const value = (await samples.value(entry)) as { id?: unknown } | null;
    if (String(value?.id ?? entry) === id) return entry;
  }
  throw new DataError(`data: ${samples.file}: no entry has the id '${id}'; give an existing id, or --entry.`);
}

/** How the model reads an entry. */
export interface EntryView {
  readonly entry: number;
  readonly id: string;
  readonly images: readonly string[];
  /** Spans of the prompt in order; `learnt` ones carry loss. */
  readonly stretches: readonly { readonly text: string; readonly learnt: boolean; readonly ids: number }[];
  /** Token ids, those that carry loss, and positions, of which each `<image>` takes `patches`. */
  readonly ids: number;
  readonly learnt: number;
  readonly positions: number;
}

/**
 * @param template `plain`: image and caption, as in stage 1
 * @param patches positions that an image takes
 * @throws DataError if the entry does not exist or cannot be used
 */
export async function viewEntry(
  { samples }: OpenedSet,
  entry: number,
  { tokens, template, patches }: { tokens: Tokens; template: Template | 'plain'; patches: number },
): Promise<EntryView> {
  if (entry >= samples.entryCount)
    throw new DataError(
      `data: ${samples.file}: entry ${entry} does not exist; the entries are 0 to ${samples.entryCount - 1}.`,
    );
  const read = readEntry(await samples.value(entry), entry);
  if (isFault(read)) throw new DataError(`data: ${samples.file}: entry ${entry}: ${read.reason}.`);
  const { sample } = read;
  const { ids, labels } =
    template === 'plain'
      ? encodePlain(tokens, sample.messages[1]!.text!)
      : encodeConversation(tokens, template, sample.messages, { images: sample.images.length > 0 });
  const stretches: { text: string; learnt: boolean; ids: number }[] = [];
  for (let from = 0; from < ids.length; ) {
    const learnt = labels[from]! >= 0;
    let to = from + 1;
    while (to < ids.length && labels[to]! >= 0 === learnt) to++;
    stretches.push({ text: textOf(tokens, ids.slice(from, to)), learnt, ids: to - from });
    from = to;
  }
  const tags = ids.filter((id) => id < 0).length;
  return {
    entry,
    id: sample.id,
    images: sample.images,
    stretches,
    ids: ids.length,
    learnt: labels.filter((label) => label >= 0).length,
    positions: ids.length + tags * (patches - 1),
  };
}

/** Ids as text, including special tokens: `<s>`, `</s>` and `<image>` by name. */
function textOf(tokens: Tokens, ids: readonly number[]): string {
  let text = '';
  let run: number[] = [];
  const flush = (): void => {
    text += wordsOf(tokens, run);
    run = [];
  };
  for (const id of ids) {
    if (id > tokens.eos) run.push(id);
    else {
      flush();
      text += id < 0 ? '<image>' : tokens.token(id);
    }
  }
  flush();
  return text;
}

/** If a tokenizer writes spaces into its words, they are kept at both ends. */
function wordsOf(tokens: Tokens, ids: readonly number[]): string {
  const words = ids.map((id) => tokens.token(id)).join('');
  if (!words.includes('▁')) return tokens.decode(ids);
  return words
    .replaceAll('▁', ' ')
    .replace(/(?:<0x[0-9A-F]{2}>)+/g, (bytes) =>
      new TextDecoder().decode(Uint8Array.from(bytes.match(/[0-9A-F]{2}(?=>)/g)!, (byte) => parseInt(byte, 16))),
    );
}

/** An entry as text: what carries loss is in 【…】, or is marked by `paint`. */
export function viewLines(view: EntryView, paint?: (text: string) => string): string[] {
  const shown = view.stretches
    .map(({ text, learnt }) => (learnt ? (paint ? paint(text) : `【${text}】`) : text))
    .join('');
  const pictures = view.images.length > 0 ? `, ${view.images.join(', ')}` : ', text alone';
  return [
    `entry ${view.entry} (id ${view.id})${pictures}: ${view.ids} ids, ${view.learnt} of them learnt, ${view.positions} positions`,
    shown,
  ];
}
