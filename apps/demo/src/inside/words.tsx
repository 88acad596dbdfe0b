/** @jsxImportSource preact */
/** @file A text of the model; if it was traced, each word can be pointed at. */
import { Fragment } from 'preact';
import { tidy } from '../talk/wording.ts';
import { chosen, seen, seesInside, view } from './seen.ts';
import type { Place } from './seen.ts';

/** Arrow keys, Home and End move between the words of a text, which is one stop of the Tab key. */
function move(event: KeyboardEvent): void {
  const words = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.word')];
  const at = words.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: words.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  words[Math.min(words.length - 1, Math.max(0, to))]?.focus();
}

/** Words with the punctuation after them, which must not be separated by a line break. */
function phrases(words: readonly string[]): { readonly start: number; readonly end: number }[] {
  const starts = words.flatMap((word, i) => (i > 0 && /^[.,?]$/.test(word) ? [] : [i]));
  return starts.map((start, k) => ({ start, end: starts[k + 1] ?? words.length }));
}

interface TextProps {
  readonly text: string;
  readonly talk: number;
  readonly place: Place;
}

export function Text({ text, talk, place }: TextProps) {
  const words = text.trim().split(' ');
  const traced = seesInside.value ? seen.value.get(talk)?.texts[place] : undefined;
  if (!traced || !words.every((word, i) => traced[i]?.text === word)) return <>{tidy(text)}</>;
  const at = chosen.value?.talk === talk && chosen.value.place === place ? chosen.value.word : null;
  const choose = (word: number, how: 'pointed' | 'pressed'): void => {
    chosen.value = { talk, place, word };
    if (how === 'pressed') view.value = 'attention';
  };
  const button = (word: string, i: number) => (
    <button
      key={i}
      type="button"
      class="word"
      aria-pressed={i === at}
      tabIndex={i === (at ?? 0) ? 0 : -1}
      onPointerEnter={({ pointerType }) => pointerType === 'mouse' && choose(i, 'pointed')}
      onFocus={() => choose(i, 'pointed')}
      onClick={() => choose(i, 'pressed')}
    >
      {i === 0 ? tidy(word) : word === 'image' ? 'picture' : word}
    </button>
  );
  return (
    <span class="words" role="group" aria-label="Words of the model; arrow keys move" onKeyDown={move}>
      {phrases(words).map(({ start, end }) => (
        <Fragment key={start}>
          {start > 0 && ' '}
          <span class="phrase">{words.slice(start, end).map((word, i) => button(word, start + i))}</span>
        </Fragment>
      ))}
    </span>
  );
}
