/**
 * @file LLaMA's vocabulary as GGUF lists it: the text, score and kind of each row of the model. llama.cpp merges the
 * adjacent pieces whose union has the best score, as SentencePiece does.
 */
import { DataError } from '@curio/engine';
import { readJsonFile } from '@curio/nn';
import type { ByteFolder, GgufSettings } from '@curio/nn';
import { BYTE, CONTROL, NORMAL, SentencePiece, SPACE, UNKNOWN, UNUSED, USER_DEFINED } from '../data/sentence-piece.ts';
import type { Piece } from '../data/sentence-piece.ts';
import { openTokens } from '../data/tokens.ts';

/** `<unk>` of every LLaMA. */
const UNKNOWN_ID = 0;

/** Scores that llama.cpp's converter gives to added words, and to rows without a word. */
const ADDED = -1000;
const EMPTY = -10_000;

/**
 * The settings `tokenizer.ggml.…` of a folder's vocabulary.
 * @param rows of the model; those without a word are padded, and special words without a row are left out
 * @throws as `openTokens`; DataError if the vocabulary is not LLaMA's, or scores of its pieces cannot express the order
 * in which it merges
 */
export async function ggufVocabulary(folder: ByteFolder, rows: number): Promise<GgufSettings> {
  await openTokens(folder, { rows }); // refuses what is damaged, or belongs to another model
  const tokens = await readTokens(folder);
  const all = Array.from(
    { length: rows },
    (_, id) => tokens.get(id) ?? { text: `[PAD${id}]`, score: EMPTY, kind: UNUSED },
  );
  return {
    'tokenizer.ggml.model': { type: 'string', value: 'llama' },
    'tokenizer.ggml.pre': { type: 'string', value: 'default' },
    'tokenizer.ggml.tokens': { type: 'string', value: all.map(({ text }) => text) },
    'tokenizer.ggml.scores': { type: 'f32', value: all.map(({ score }) => score) },
    'tokenizer.ggml.token_type': { type: 'i32', value: all.map(({ kind }) => kind) },
    'tokenizer.ggml.bos_token_id': { type: 'u32', value: 1 },
    'tokenizer.ggml.eos_token_id': { type: 'u32', value: 2 },
    'tokenizer.ggml.unknown_token_id': { type: 'u32', value: 0 },
    'tokenizer.ggml.padding_token_id': { type: 'u32', value: 0 },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_eos_token': { type: 'bool', value: false },
    'tokenizer.ggml.add_space_prefix': { type: 'bool', value: true },
  };
}

type Pieces = Map<number, Piece>;

async function readTokens(folder: ByteFolder): Promise<Pieces> {
  const model = await folder.open('tokenizer.model');
  if (model) {
    const { pieces } = SentencePiece.read(await model.read(0, model.size));
    return withAdded(folder, new Map(pieces.entries()));
  }
  const json = await readJsonFile(folder, 'tokenizer.json', 'tokenizer');
  return tokensOfJson(json as TokenizerJson, `${folder.name}/tokenizer.json`);
}

/** Words that `added_tokens.json` adds after those of a `tokenizer.model`. */
async function withAdded(folder: ByteFolder, tokens: Pieces): Promise<Pieces> {
  const added = (await readJsonFile(folder, 'added_tokens.json', 'tokenizer')) ?? {};
  for (const [text, id] of Object.entries(added as Record<string, number>))
    if (!tokens.has(id)) tokens.set(id, { text, score: ADDED, kind: USER_DEFINED });
  return tokens;
}

interface TokenizerJson {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: (string | [string, string])[] };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
}

/** The pieces of a LLaMA tokenizer that transformers turned into JSON: the first that is merged has the best score. */
function tokensOfJson({ model, added_tokens = [] }: TokenizerJson, where: string): Pieces {
  const { vocab } = model;
  if (!(SPACE in vocab))
    throw new DataError(
      `gguf: ${where} has no piece '${SPACE}'; only LLaMA's vocabulary, which writes spaces so, can be written.`,
    );
  const scores = mergeScores(model, where);
  const letter = -1 - model.merges.length;
  const tokens: Pieces = new Map();
  for (const [text, id] of Object.entries(vocab))
    tokens.set(id, { text, score: scores.get(text) ?? letter, kind: /^<0x[0-9A-F]{2}>$/.test(text) ? BYTE : NORMAL });
  for (const { id, content: text, special } of added_tokens)
    tokens.set(id, {
      text,
      score: ADDED,
      kind: id === UNKNOWN_ID ? UNKNOWN : special ? CONTROL : USER_DEFINED,
    });
  return tokens;
}

/**
 * Minus the index of the first merge that makes a piece. It is equivalent to the list only if every pair of pieces that
 * forms a piece is listed, and the pairs that form the same piece are adjacent, as transformers writes them.
 */
function mergeScores({ vocab, merges }: TokenizerJson['model'], where: string): Map<string, number> {
  const scores = new Map<string, number>();
  const pairs = new Set<string>();
  let last = '';
  for (const [place, merge] of merges.entries()) {
    const [a, b] = typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge;
    const piece = a + b;
    if (scores.has(piece) && last !== piece)
      throw new DataError(
        `gguf: ${where} merges '${piece}' at two places of its list, and GGUF has one score for it; give the tokenizer.model that it was made from.`,
      );
    if (!scores.has(piece)) scores.set(piece, 0 - place); // not -0
    pairs.add(`${a} ${b}`);
    last = piece;
  }
  for (const piece of scores.keys())
    for (let cut = 1; cut < piece.length; cut++) {
      const [a, b] = [piece.slice(0, cut), piece.slice(cut)];
      if (a in vocab && b in vocab && !pairs.has(`${a} ${b}`))
        throw new DataError(
          `gguf: ${where} never merges '${a}' and '${b}', but readers of GGUF would, since '${piece}' is a piece; give the tokenizer.model that it was made from.`,
        );
    }
  return scores;
}
