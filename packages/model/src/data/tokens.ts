/**
 * @file Text to token ids and back, for LLaMA's SentencePiece vocabularies and for any other `tokenizer.json`.
 *
 * LLaMA's ids depend on the version that trained the model. This is the rule of transformers 4.31 with `legacy: false`
 * (the published SQ-LLaVA's): cut at `<s>`, `</s>` and `<unk>`; every piece is encoded with a leading `▁`; from all but
 * the first piece that `▁` is taken off again unless the piece begins with a space. Newer tokenizers give other ids
 * after `</s>`.
 */

import { DataError } from '@curio/engine';
import { Tokenizer } from '@huggingface/tokenizers';

/** Stands for an image in a list of ids; never an entry of a vocabulary. */
export const IMAGE_TOKEN = -200;
/** The literal that it is written as in text. */
export const IMAGE_TAG = '<image>';
/** Label of positions without loss. */
export const IGNORE = -100;

const SPECIAL = ['<s>', '</s>', '<unk>'];
/** SentencePiece's visible space. */
const SPACE = '▁';

interface TokenizerJson {
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  model?: { vocab?: Record<string, number> };
  added_tokens?: { content: string; id: number; special?: boolean }[];
}

export interface TokensOptions {
  /** Words added after the vocabulary, in order, such as `[vusr]`: they get the ids vocabSize, vocabSize + 1, … */
  extra?: readonly string[];
  /** Rows of the model's embedding. Left out, as many as the file has ids. */
  rows?: number;
}

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
  readonly #tokenizer: Tokenizer;
  readonly #sentencePiece: boolean;
  readonly #cuts: RegExp;
  readonly #literals: Map<string, number>;

  /**
   * Throws DataError where the JSON is no tokenizer, does not begin with `<unk>`, `<s>`, `</s>`, or has a word that the
   * model has no row for.
   */
  constructor(json: object, { extra = [], rows }: TokensOptions = {}) {
    const given = json as TokenizerJson;
    if (!given.model?.vocab)
      throw new DataError('tokenizer.json: no model.vocab; a BPE tokenizer of the Hugging Face format is needed.');
    const added = given.added_tokens ?? [];
    const ids = [
      ...Object.entries(given.model.vocab),
      ...added.map(({ content, id }): [string, number] => [content, id]),
    ];
    this.vocabSize = rows ?? 1 + ids.reduce((most, [, id]) => Math.max(most, id), 0);
    const hasRow = ({ id }: { id: number }): boolean => id < this.vocabSize;
    const spare = added.filter((token) => token.special && !hasRow(token)).map(({ content }) => content);
    const beyond = ids.find(([token, id]) => id >= this.vocabSize && !spare.includes(token));
    if (beyond)
      throw new DataError(
        `tokenizer.json: '${beyond[0]}' has id ${beyond[1]} and the model has ${this.vocabSize} rows; take the tokenizer that the model was trained with.`,
      );
    this.withoutRow = spare;
    const source = spare.length === 0 ? given : { ...given, added_tokens: added.filter(hasRow) };
    this.#sentencePiece = SPACE in given.model.vocab;
    // The dummy prefix is put on here, piece by piece, so the tokenizer's own way of doing it is taken out.
    const plain = {
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      pre_tokenizer: null,
      post_processor: null,
    };
    this.#tokenizer = new Tokenizer(this.#sentencePiece ? { ...source, ...plain } : source, {
      clean_up_tokenization_spaces: false,
    });
    for (const [id, token] of ['<unk>', '<s>', '</s>'].entries()) {
      const found = this.#tokenizer.token_to_id(token);
      if (found !== id)
        throw new DataError(`tokenizer.json: ${token} has id ${found ?? 'none'}; LLaMA's vocabularies give it ${id}.`);
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

  /** Ids of one text, without `<s>` unless it stands there; `<image>` is not looked for. */
  encode(text: string): number[] {
    return text.split(this.#cuts).flatMap((piece, i) => {
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
      if (run.length > 0) text += this.#tokenizer.decode(run, { skip_special_tokens: true });
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
    return id >= this.vocabSize ? this.extra[id - this.vocabSize] : (this.#tokenizer.id_to_token(id) ?? '<unk>');
  }

  /** The id of a token, or undefined. */
  id(token: string): number | undefined {
    return this.#literals.get(token) ?? this.#tokenizer.token_to_id(token);
  }

  #encodePiece(piece: string, first: boolean): number[] {
    if (!this.#sentencePiece) return this.#tokenizer.encode(piece, { add_special_tokens: false }).ids;
    const { ids, tokens } = this.#tokenizer.encode(SPACE + piece, { add_special_tokens: false });
    if (first || piece.startsWith(' ') || !tokens[0].startsWith(SPACE)) return ids;
    const bare = tokens[0].slice(1);
    return bare === '' ? ids.slice(1) : [this.#tokenizer.token_to_id(bare) ?? this.pad, ...ids.slice(1)];
  }
}
