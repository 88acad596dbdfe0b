/**
 * @file What a `tokenizer.json` must be before @huggingface/tokenizers, which takes any object, is given it: byte-pair
 * encoding with ids that differ, and steps whose settings are of the right kind.
 */
import { DataError } from '@curio/engine';
import { shownText, shownValue } from '@curio/nn';
import type { Fail } from './protobuf.ts';

/** More than any vocabulary has: the largest known has 256,000. */
const MOST_WORDS = 1_000_000;
const DEEPEST = 8;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (id: unknown): id is number => Number.isInteger(id) && (id as number) >= 0 && (id as number) < MOST_WORDS;

/**
 * @returns the same
 * @throws DataError in one sentence
 */
export function requireTokenizerJson(json: unknown, where: string): object {
  const fail: Fail = (what) => {
    throw new DataError(`tokenizer: ${where}: ${what}`);
  };
  if (!isFields(json)) return fail(`it holds ${shownValue(json)}; it must be an object.`);
  const { model } = json;
  if (!isFields(model) || !isFields(model.vocab))
    return fail('it has no model.vocab; a BPE tokenizer of the Hugging Face format is needed.');
  if (model.type !== 'BPE') fail(`model.type is ${shownValue(model.type)}; only BPE can be read.`);
  const words = requireIds(model.vocab, json.added_tokens ?? [], fail);
  const { unk_token: unknown = null } = model;
  if (unknown !== null && !(typeof unknown === 'string' && words.has(unknown)))
    fail(`model.unk_token is ${shownValue(unknown)}, which is no word of the vocabulary.`);
  requireMerges(model.merges, fail);
  requireKinds(model, 'model', fail);
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder']) {
    if (!(part in json)) fail(`it lacks '${part}'; it must be there, null where there is none.`);
    if (json[part] !== null) requireStep(json[part], part, fail);
  }
  return json;
}

/** @returns all words */
function requireIds(vocab: Fields, added: unknown, fail: Fail): Set<string> {
  const words = new Map<string, number>();
  const taken = new Map<number, string>();
  const take = (word: string, id: unknown): void => {
    if (!isId(id)) return fail(`'${shownText(word)}' has the id ${shownValue(id)}; ids are whole numbers below 1e6.`);
    const other = taken.get(id);
    if (other !== undefined && other !== word)
      fail(`'${shownText(other)}' and '${shownText(word)}' both have the id ${id}; ids must differ.`);
    if (words.has(word) && words.get(word) !== id)
      fail(`'${shownText(word)}' has the ids ${words.get(word)} and ${id}; it must have one.`);
    words.set(word, id);
    taken.set(id, word);
  };
  for (const [word, id] of Object.entries(vocab)) take(word, id);
  if (!Array.isArray(added)) return fail(`added_tokens is ${shownValue(added)}; it must be a list.`);
  for (const each of added as unknown[]) {
    if (!isFields(each) || typeof each.content !== 'string' || each.content === '')
      return fail(`added_tokens holds ${shownValue(each)}; each must be an object with content and id.`);
    take(each.content, each.id);
    requireKinds(each, `added_tokens ${each.id}`, fail);
  }
  return new Set(words.keys());
}

function requireMerges(merges: unknown, fail: Fail): void {
  if (!Array.isArray(merges)) return fail(`model.merges is ${shownValue(merges)}; it must be a list.`);
  const asPairs = Array.isArray(merges[0]);
  for (const merge of merges as unknown[]) {
    const pair = asPairs ? merge : typeof merge === 'string' ? merge.split(' ') : null;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((half) => typeof half === 'string' && half !== ''))
      fail(`model.merges holds ${shownValue(merge)}; each must be two pieces, all as texts or all as pairs.`);
  }
}

/** Settings of steps that the library uses without looking. */
const KINDS: Readonly<Record<string, 'string' | 'number' | 'boolean'>> = {
  ...Object.fromEntries(
    'type content prepend replacement prefix behavior prepend_scheme continuing_subword_prefix end_of_word_suffix pad_token'
      .split(' ')
      .map((key) => [key, 'string' as const]),
  ),
  ...Object.fromEntries('start stop max_input_chars_per_word'.split(' ').map((key) => [key, 'number' as const])),
  ...Object.fromEntries(
    'add_prefix_space trim_offsets use_regex invert individual_digits lowercase clean_text handle_chinese_chars strip_accents strip_left strip_right cleanup fuse_unk byte_fallback ignore_merges special normalized single_word lstrip rstrip'
      .split(' ')
      .map((key) => [key, 'boolean' as const]),
  ),
};
const STEPS = ['normalizers', 'pretokenizers', 'decoders', 'processors'];

function requireKinds(fields: Fields, where: string, fail: Fail): void {
  for (const [key, value] of Object.entries(fields)) {
    const kind = Object.hasOwn(KINDS, key) ? KINDS[key] : undefined;
    if (kind && value !== null && typeof value !== kind)
      fail(`${where}: ${key} is ${shownValue(value)}; it must be a ${kind}.`);
  }
}

/** A step, such as a normaliser, and those that it is made of. */
function requireStep(step: unknown, where: string, fail: Fail, depth = 0): void {
  if (!isFields(step) || typeof step.type !== 'string')
    return fail(`${where} is ${shownValue(step)}; it must be null, or an object with a type.`);
  if (depth === DEEPEST) fail(`${where} has steps inside steps, over ${DEEPEST} deep; write them as one list.`);
  requireKinds(step, where, fail);
  if ('pattern' in step || step.type === 'Replace' || step.type === 'Split') {
    const { String: text, Regex: regex } = (step.pattern ?? {}) as Fields;
    if (typeof (text ?? regex) !== 'string' || (text ?? regex) === '')
      fail(`${where}: pattern is ${shownValue(step.pattern)}; it must have a text as String or Regex.`);
  }
  for (const key of STEPS) {
    if (!(key in step)) continue;
    const inner = step[key];
    if (!Array.isArray(inner)) return fail(`${where}: ${key} is ${shownValue(inner)}; it must be a list.`);
    for (const each of inner) requireStep(each, where, fail, depth + 1);
  }
}

/** Runs what the library does with a file, and says its complaint as a fault of the file. */
export function asTokenizer<T>(where: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `tokenizer: ${where}: it cannot be used (${shownText((error as Error).message)}); copy it again, or take its tokenizer.model.`,
      { cause: error },
    );
  }
}
