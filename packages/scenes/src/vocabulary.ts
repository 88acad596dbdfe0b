/**
 * @file `tokenizer.json` of the small model, in LLaMA's shape: `<unk>` 0, `<s>` 1, `</s>` 2, a BPE model that looks up
 * whole words first. One word is one token. Roles, the newline and the patch words of text pictures are added tokens.
 */

import type { RandomStream } from '@curio/engine';
import { COLORS, FUNCTION_WORDS, NUMBERS, PATCH_WORDS, PLACES, SIZES, patchWord } from './words.ts';

const SPECIAL = ['<unk>', '<s>', '</s>'];
/** `VUSER:` is two of these, as in the published model: its first token never occurs in the base's text. */
const ROLES = ['\n', 'USER:', 'ASSISTANT:', 'V'];
const SPOKEN = [...FUNCTION_WORDS, ...COLORS, ...NUMBERS];

/** All tokens; the index is the id. Their number is 1,160, a multiple of four. */
export const VOCABULARY: readonly string[] = [
  ...SPECIAL,
  ...ROLES,
  ...SPOKEN,
  'none', // after the others, where a place was kept free
  ...PATCH_WORDS.map(patchWord),
];
const FIRST_PATCH_WORD = VOCABULARY.length - PATCH_WORDS.length;

/**
 * Content of `tokenizer.json`. Spelling is lenient: capitals, digits and `colour` are mapped to the vocabulary's words.
 */
export function sceneTokenizerJson(): object {
  const added = VOCABULARY.map((content, id) => ({ id, content })).filter(
    ({ content }) => SPECIAL.includes(content) || ROLES.includes(content) || content.startsWith('<p:'),
  );
  const replace = (from: string, to: string): object => ({ type: 'Replace', pattern: { String: from }, content: to });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map(({ id, content }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: SPECIAL.includes(content),
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Lowercase' },
        replace('colour', 'color'),
        ...NUMBERS.slice(0, 10).map((word, digit) => replace(String(digit), ` ${word} `)),
      ],
    },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<s>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<s>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: null,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(VOCABULARY.map((content, id) => [content, id])),
      merges: [],
    },
  };
}

/**
 * First values of the embedding table, [VOCABULARY.length, hiddenSize], normal with standard deviation `std`. A patch
 * word starts as the sum of one vector each for its size, colour, digit and place (scaled to keep `std`), so that what
 * a lookup learns about one red word holds for all of them; training is free to change every row.
 */
export function sceneEmbedding(random: RandomStream, hiddenSize: number, std: number): Float32Array {
  const table = new Float32Array(VOCABULARY.length * hiddenSize);
  const draw = (scale: number): Float32Array =>
    Float32Array.from({ length: hiddenSize }, () => random.normal() * std * scale);
  for (let id = 0; id < FIRST_PATCH_WORD; id++) table.set(draw(1), id * hiddenSize);
  // Four parts of an object, two of an empty patch: 1/√4 and, so that both keep `std`, √3/√4 for the part of the empty
  // patch.
  const attribute = (names: readonly unknown[]): Float32Array[] => names.map(() => draw(0.5));
  const [places, sizes, colors, digits] = [
    attribute(PLACES),
    attribute(SIZES),
    attribute(COLORS),
    attribute(Array(10).fill(0)),
  ];
  const empty = draw(Math.sqrt(3) / 2);
  PATCH_WORDS.forEach(({ cell, object }, i) => {
    const parts = object
      ? [places[cell], sizes[SIZES.indexOf(object.size)], colors[COLORS.indexOf(object.color)], digits[object.digit]]
      : [places[cell], empty];
    const row = table.subarray((FIRST_PATCH_WORD + i) * hiddenSize, (FIRST_PATCH_WORD + i + 1) * hiddenSize);
    for (const part of parts) for (let c = 0; c < hiddenSize; c++) row[c] += part[c];
  });
  return table;
}
