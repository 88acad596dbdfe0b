/**
 * @file Text to token ids and back, for LLaMA's SentencePiece vocabularies (`tokenizer.model` or `tokenizer.json`) and
 * for any other `tokenizer.json`.
 *
 * LLaMA's ids depend on the version that trained the model; both rules split at `<s>`, `</s>` and `<unk>`.
 *
 * - `4.31`, of transformers 4.31 with `legacy: false`, the published SQ-LLaVA's: a literal `▁` is a space; every piece
 *   is encoded with a leading `▁`; from all but the first that `▁` is taken off again unless the piece begins with a
 *   space, and what then is in no vocabulary is `<unk>`.
 * - `5`, of transformers 5: only what stands at the very beginning gets a leading `▁`, unless it begins with a space
 *   or a `▁`; all other pieces are encoded as they are.
 */

import { DataError } from '@curio/engine';
import { type ByteFolder, readJsonFile } from '@curio/nn';
import { Tokenizer } from '@huggingface/tokenizers';
import { SentencePiece, SPACE } from './sentence-piece.ts';

/** Placeholder of an image in a list of ids; never an entry of a vocabulary. */
export const IMAGE_TOKEN = -200;
/** Its literal in text. */
export const IMAGE_TAG = '<image>';
/** Label of positions without loss. */
export const IGNORE = -100;

const SPECIAL = ['<s>', '</s>', '<unk>'];

/** The version of transformers whose rule of spaces a model was trained with. */
export const TOKEN_RULES = ['4.31', '5'] as const;
export type TokenRule = (typeof TOKEN_RULES)[number];

interface TokenizerJson {
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  model?: { vocab?: Record<string, number> };
  added_tokens?: { content: string; id: number; special?: boolean }[];
}

export interface TokensOptions {
  /** Words added after the vocabulary, in order, such as `[vusr]`: they get the ids vocabSize, vocabSize + 1, … */
  extra?: readonly string[];
  /** Rows of the model's embedding. Default: the number of ids in the file. */
  rows?: number;
  /** For SentencePiece vocabularies. Default `4.31`. */
  rule?: TokenRule;
}

/** Encodes and decodes plain text, without special words and without a dummy prefix. */
interface Vocabulary {
  readonly file: string;
  /** Whether spaces are `▁` in it. */
  readonly sentencePiece: boolean;
  /** The model's rows; default: the file's ids. */
  readonly size: number;
  /** Special tokens of the file without a row in the model. */
  readonly withoutRow: readonly string[];
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  token(id: number): string | undefined;
  id(token: string): number | undefined;
}

/** How many rows there are; words beyond them are refused, special ones aside, which `spare` names. */
function rowsFor(
  file: string,
  ids: readonly (readonly [string, number])[],
  rows: number | undefined,
  isSpare: (token: string) => boolean = () => false,
): number {
  const size = rows ?? 1 + ids.reduce((most, [, id]) => Math.max(most, id), 0);
  const beyond = ids.find(([token, id]) => id >= size && !isSpare(token));
  if (beyond)
    throw new DataError(
      `${file}: '${beyond[0]}' has id ${beyond[1]} and the model has ${size} rows; take the tokenizer that the model was trained with.`,
    );
  return size;
}

function vocabularyOfJson(json: object, rows: number | undefined): Vocabulary {
  const given = json as TokenizerJson;
  if (!given.model?.vocab)
    throw new DataError('tokenizer.json: no model.vocab; a BPE tokenizer of the Hugging Face format is needed.');
  const added = given.added_tokens ?? [];
  const ids = [...Object.entries(given.model.vocab), ...added.map(({ content, id }) => [content, id] as const)];
  const isSpare = (token: string): boolean => added.some(({ content, special }) => special && content === token);
  const size = rowsFor('tokenizer.json', ids, rows, isSpare);
  const spare = added.filter(({ id }) => id >= size);
  const source = spare.length === 0 ? given : { ...given, added_tokens: added.filter(({ id }) => id < size) };
  const sentencePiece = SPACE in given.model.vocab;
  // The dummy prefix is added here, piece by piece, so the tokenizer's own prefix is disabled.
  const plain = {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
    pre_tokenizer: null,
    post_processor: null,
  };
  const tokenizer = new Tokenizer(sentencePiece ? { ...source, ...plain } : source, {
    clean_up_tokenization_spaces: false,
  });
  return {
    file: 'tokenizer.json',
    sentencePiece,
    size,
    withoutRow: spare.map(({ content }) => content),
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    // The library fails over an id without a word, which a model with more rows may choose.
    decode: (ids) =>
      tokenizer.decode(
        ids.filter((id) => tokenizer.id_to_token(id) !== undefined),
        { skip_special_tokens: true },
      ),
    token: (id) => tokenizer.id_to_token(id),
    id: (token) => tokenizer.token_to_id(token),
  };
}

const isSentencePiece = (source: object): source is SentencePiece =>
  'kind' in source && source.kind === 'sentence-piece';

const vocabularyOfModel = (model: SentencePiece, rows: number | undefined): Vocabulary => ({
  file: 'tokenizer.model',
  sentencePiece: true,
  size: rowsFor('tokenizer.model', [[model.piece(model.size - 1)!, model.size - 1]], rows),
  withoutRow: [],
  encode: (text) => model.encode(text),
  decode: (ids) => model.decode(ids.filter((id) => id !== model.unknown)),
  token: (id) => model.piece(id),
  id: (token) => model.id(token),
});

/** A vocabulary. `vocabSize` does not count the extra words; it is the model's, where its rows are given. */
export class Tokens {
  readonly bos = 1;
  readonly eos = 2;
  /** LLaMA pads with `<unk>`. */
  readonly pad = 0;
  readonly vocabSize: number;
  readonly extra: readonly string[];
  /** Special tokens of the file without a row in the model, such as a `<pad>` that was added: read as plain text. */
  readonly withoutRow: readonly string[];
  readonly #vocabulary: Vocabulary;
  readonly #rule: TokenRule;
  readonly #cuts: RegExp;
  readonly #literals: Map<string, number>;

  /**
   * @param source what `tokenizer.json` holds, or a read `tokenizer.model`
   * @throws DataError where the JSON is not a tokenizer, the vocabulary does not begin with `<unk>`, `<s>`, `</s>`, or
   * has a word that the model has no row for
   */
  constructor(source: object | SentencePiece, { extra = [], rows, rule = '4.31' }: TokensOptions = {}) {
    const vocabulary = isSentencePiece(source) ? vocabularyOfModel(source, rows) : vocabularyOfJson(source, rows);
    this.#vocabulary = vocabulary;
    this.#rule = rule;
    this.vocabSize = vocabulary.size;
    this.withoutRow = vocabulary.withoutRow;
    for (const [id, token] of ['<unk>', '<s>', '</s>'].entries()) {
      const found = vocabulary.id(token);
      if (found !== id)
        throw new DataError(
          `${vocabulary.file}: ${token} has id ${found ?? 'none'}; LLaMA's vocabularies give it ${id}.`,
        );
    }
    this.extra = extra;
    this.#literals = new Map([
      ['<unk>', 0],
      ['<s>', 1],
      ['</s>', 2],
      ...extra.map((token, i): [string, number] => [token, this.vocabSize + i]),
    ]);
    this.#cuts = new RegExp(
      `(${[...SPECIAL, ...extra].map((token) => token.replace(/[[\]\\^$.*+?(){}|/]/g, '\\$&')).join('|')})`,
    );
  }

  /** Ids of one text, without `<s>` unless the text contains it; `<image>` is not treated specially. */
  encode(text: string): number[] {
    const plain = this.#vocabulary.sentencePiece && this.#rule === '4.31' ? text.replaceAll(SPACE, ' ') : text;
    return plain.split(this.#cuts).flatMap((piece, i) => {
      if (i % 2 === 1) return [this.#literals.get(piece)!];
      return piece === '' ? [] : this.#encodePiece(piece, i === 0);
    });
  }

  /**
   * Ids of a prompt: `<s>`, then the text with IMAGE_TOKEN at every `<image>`; the pieces between are encoded each on
   * its own.
   */
  encodePrompt(text: string): number[] {
    const pieces = text.split(IMAGE_TAG).map((piece) => this.encode(piece));
    return [this.bos, ...pieces.flatMap((ids, i) => (i === 0 ? ids : [IMAGE_TOKEN, ...ids]))];
  }

  /** Text of ids; `<s>`, `</s>` and `<unk>` are left out. Extra words appear as themselves. */
  decode(ids: ArrayLike<number>): string {
    let text = '';
    let run: number[] = [];
    const flush = (): void => {
      if (run.length > 0) text += this.#vocabulary.decode(run);
      run = [];
    };
    for (const id of Array.from(ids)) {
      if (id >= this.vocabSize) {
        flush();
        text += this.extra[id - this.vocabSize] ?? '';
      } else if (id >= 0) run.push(id);
    }
    flush();
    return text;
  }

  /** The token of an id, for showing. */
  token(id: number): string {
    return id >= this.vocabSize ? this.extra[id - this.vocabSize] : (this.#vocabulary.token(id) ?? '<unk>');
  }

  /** The id of a token, or undefined. */
  id(token: string): number | undefined {
    return this.#literals.get(token) ?? this.#vocabulary.id(token);
  }

  #encodePiece(piece: string, first: boolean): number[] {
    const { sentencePiece, encode, token, id } = this.#vocabulary;
    if (!sentencePiece) return encode(piece);
    if (this.#rule === '5') return encode(first && !/^[ ▁]/.test(piece) ? SPACE + piece : piece);
    const ids = encode(SPACE + piece);
    const begin = token(ids[0])!;
    if (first || piece.startsWith(' ') || !begin.startsWith(SPACE)) return ids;
    const bare = begin.slice(1);
    return bare === '' ? ids.slice(1) : [id(bare) ?? this.pad, ...ids.slice(1)];
  }
}

/**
 * Opens a folder's `tokenizer.model`, from which LLaMA's were trained, or else its `tokenizer.json`.
 * @throws DataError where it has neither, a file is damaged, or `tokenizer_config.json` asks for `legacy: true`;
 * WeightError for what is not JSON
 */
export async function openTokens(folder: ByteFolder, options: TokensOptions = {}): Promise<Tokens> {
  const config = (await readJsonFile(folder, 'tokenizer_config.json', 'tokenizer')) as { legacy?: unknown } | undefined;
  if (config?.legacy === true)
    throw new DataError(
      'tokenizer_config.json: legacy is true, which puts a space after every special word; false is known.',
    );
  const model = await folder.open('tokenizer.model');
  if (model) return new Tokens(SentencePiece.read(await model.read(0, model.size)), options);
  const json = await readJsonFile(folder, 'tokenizer.json', 'tokenizer');
  if (json === undefined)
    throw new DataError(
      `tokenizer: ${folder.name} has no tokenizer.model or tokenizer.json; one of them must be there.`,
    );
  // Loaded only when a folder is opened, since the page brings its own vocabulary.
  const { asTokenizer, requireTokenizerJson } = await import('./tokenizer-json.ts');
  const where = `${folder.name}/tokenizer.json`;
  const source = requireTokenizerJson(json, where);
  return asTokenizer(where, () => {
    const tokens = new Tokens(source, options);
    tokens.decode(tokens.encode(PROBE)); // what the library finds wrong only when it is used
    return tokens;
  });
}

const PROBE = 'Is it 42 °C?\n\tYes — 猫 😀';
