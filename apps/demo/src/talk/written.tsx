/** @jsxImportSource preact */
/** @file A text of the model, growing or complete, with a mark if the truth is known. */
import { Text } from '../inside/words.tsx';
import { percent } from '../inside/reading.ts';
import type { Place } from '../inside/seen.ts';
import { tidy } from './wording.ts';
import type { Verdict } from './wording.ts';

export function Mark({ verdict }: { verdict: Verdict | null }) {
  if (!verdict) return null;
  return verdict.right ? (
    <b class="mark right">
      <span aria-hidden="true">✓</span>
      <span class="unseen"> right</span>
    </b>
  ) : (
    <b class="mark wrong">
      <span aria-hidden="true">✗</span> wrong: <em>{tidy(verdict.truth)}</em>
    </b>
  );
}

/**
 * An answer of a lower probability is marked: of those the small model gets four in ten wrong on held-out scenes, and
 * four in a hundred of the others (apps/demo/trained/README.md has the command, and how it was chosen).
 */
const SURE = 0.75;

export function Doubt({ sureness }: { sureness: number | undefined }) {
  if (sureness === undefined || sureness >= SURE) return null;
  return <small class="doubt"> not sure: {percent(sureness)}</small>;
}

interface WrittenProps {
  readonly kind: string;
  /** Which talk, and which of its texts. */
  readonly talk: number;
  readonly place: Place;
  readonly text: string | undefined;
  readonly growing: boolean;
  readonly verdict: Verdict | null;
  /** The probability of an answer, once it is complete. */
  readonly sureness?: number | undefined;
}

export function Written({ kind, talk, place, text, growing, verdict, sureness }: WrittenProps) {
  if (text === undefined)
    return growing ? (
      <p class={kind}>
        <i class="caret" />
      </p>
    ) : null;
  return (
    <p class={kind} data-text={text}>
      <Text text={text} talk={talk} place={place} />
      <Doubt sureness={sureness} />
      {growing ? <i class="caret" /> : <Mark verdict={verdict} />}
    </p>
  );
}
