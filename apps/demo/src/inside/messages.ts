/** @file What the worker reports about the inside of an answer, and how it gets that from the model. */
import type { PrototypeTrace, ReplyTrace, SelfQuestionTrace, TokenTrace, Tokens } from '@curio/model';

/** Which text grows: the requested answer, or one of the texts of self-questioning. */
export type Part = 'answer' | 'description' | 'question' | 'self-answer';

/** A word of a text, and what the model considered for it. */
export interface SeenWord {
  readonly text: string;
  /** By layer: each patch's share of the attention. */
  readonly attention: readonly Float32Array[];
  /** The candidates for it, most probable first. */
  readonly words: readonly { readonly text: string; readonly probability: number }[];
}

export type FromInside =
  | { readonly kind: 'patches'; readonly id: number; readonly prototypes: PrototypeTrace }
  | {
      readonly kind: 'word';
      readonly id: number;
      readonly part: Part;
      readonly index: number;
      readonly word: SeenWord;
    };

/** How many words are shown as bars. */
const WORDS = 5;

/** Trace callbacks for a reply and for self-questioning that report to the page. */
export function tracesFor(
  id: number,
  tokens: Tokens,
  say: (message: FromInside) => void,
): { readonly reply: ReplyTrace; readonly self: SelfQuestionTrace } {
  const textOf = (token: number): string => (token === tokens.eos ? '' : tokens.decode([token]).trim());
  const tell = (part: Part, index: number, { id: token, attention, words }: TokenTrace): void => {
    const among = words.map((word) => ({ text: textOf(word.id), probability: word.probability }));
    say({ kind: 'word', id, part, index, word: { text: textOf(token), attention, words: among } });
  };
  const onPicture = (prototypes: PrototypeTrace): void => say({ kind: 'patches', id, prototypes });
  return {
    reply: {
      words: WORDS,
      onPicture: (_, __, prototypes) => onPicture(prototypes),
      onToken: (_, token) => tell('answer', 0, token),
    },
    self: {
      words: WORDS,
      onPicture: (_, prototypes) => onPicture(prototypes),
      onToken: (part, index, token) => tell(part === 'answer' ? 'self-answer' : part, index, token),
    },
  };
}
