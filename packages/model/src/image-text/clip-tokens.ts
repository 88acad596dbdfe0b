/**
 * @file Text to the ids that CLIP's text tower reads: a byte-level BPE whose words end in `</w>`, between a start and
 * an end token. Source: OpenAI's CLIP, its simple tokenizer; `tokenizer.json` as transformers saves its CLIPTokenizer.
 */
import { DataError } from '@curio/engine';
import { Tokenizer } from '@huggingface/tokenizers';

const START = '<|startoftext|>';
const END = '<|endoftext|>';

export class ClipTokens {
  private readonly tokenizer: Tokenizer;
  private readonly start: number;
  private readonly end: number;

  /**
   * @param source what `tokenizer.json` holds
   * @param positions most ids of a text, both ends included
   * @param rows of the tower's embedding
   * @throws DataError if it is not a CLIP tokenizer, or has more ids than the tower has rows
   */
  constructor(
    source: object,
    private readonly positions: number,
    rows: number,
  ) {
    if (!(source as { model?: { vocab?: object } }).model?.vocab)
      throw new DataError('tokenizer.json: no model.vocab; a BPE tokenizer of the Hugging Face format is needed.');
    this.tokenizer = new Tokenizer(source, {});
    const [start, end] = [START, END].map((token) => {
      const id = this.tokenizer.token_to_id(token);
      if (id === undefined) throw new DataError(`tokenizer.json: it has no ${token}; a tokenizer of CLIP's is needed.`);
      if (id >= rows)
        throw new DataError(
          `tokenizer.json: '${token}' has id ${id} and the text tower has ${rows} rows; take the folder's own files.`,
        );
      return id;
    });
    this.start = start!;
    this.end = end!;
  }

  /** Start, the text, end; what is too long for the tower is cut before the end, as transformers cuts it. */
  encode(text: string): number[] {
    const { ids } = this.tokenizer.encode(text, { add_special_tokens: false });
    // The tower is read at the first end token, so nothing after one in the text matters.
    const whole = ids.indexOf(this.end);
    const words = whole < 0 ? ids : ids.slice(0, whole);
    return [this.start, ...words.slice(0, this.positions - 2), this.end];
  }
}
