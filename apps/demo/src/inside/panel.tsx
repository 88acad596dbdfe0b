/** @jsxImportSource preact */
/**
 * @file See inside: where the model looked for a word, what other words it considered, and the picture's prototypes.
 */
import { Pixels } from '../board/board.tsx';
import { hopeless, lookAgain, talks } from '../session.ts';
import { Overlay, shownPrototypes, shownTalk } from './overlay.tsx';
import { attentionSaid, nameOf, percent, prototypesSaid, wordsSaid } from './reading.ts';
import { chosen, chosenWord, iteration, layer, seesInside, view } from './seen.ts';
import type { SeenWord } from './messages.ts';

function toggle(): void {
  seesInside.value = !seesInside.value;
  chosen.value = null;
  // The last answer is written again, in the same words, so that there is something to look into.
  if (seesInside.value) lookAgain();
}

function Views() {
  return (
    <div class="views" role="radiogroup" aria-label="What to show">
      {(['attention', 'prototypes'] as const).map((name) => (
        <label key={name}>
          <input
            type="radio"
            name="view"
            value={name}
            checked={view.value === name}
            onChange={() => (view.value = name)}
          />
          <span>{name === 'attention' ? 'Attention' : 'Prototypes'}</span>
        </label>
      ))}
    </div>
  );
}

function Layers({ count }: { count: number }) {
  return (
    <label class="control">
      Layers{' '}
      <select
        id="layer"
        value={layer.value ?? 'mean'}
        onChange={({ currentTarget: { value } }) => (layer.value = value === 'mean' ? null : Number(value))}
      >
        <option value="mean">mean of all {count}</option>
        {Array.from({ length: count }, (_, i) => (
          <option key={i} value={i}>
            {i + 1}
          </option>
        ))}
      </select>
    </label>
  );
}

function Iterations({ count }: { count: number }) {
  const at = iteration.value ?? count;
  const name = at === count ? 'in the end' : `${at + 1} of ${count}`;
  return (
    <label class="control">
      Iteration{' '}
      <input
        type="range"
        id="iteration"
        min={0}
        max={count}
        value={at}
        aria-valuetext={name}
        onInput={({ currentTarget: { value } }) => (iteration.value = Number(value) === count ? null : Number(value))}
      />
      <output for="iteration">{name}</output>
    </label>
  );
}

function Chances({ words }: SeenWord) {
  return (
    <ol class="chances" aria-label="The likeliest words here">
      {words.map(({ text, probability }) => (
        <li key={text}>
          <span>{nameOf(text)}</span>
          <i style={{ '--share': probability }} />
          <b>{percent(probability)}</b>
        </li>
      ))}
    </ol>
  );
}

function Seen() {
  const talk = shownTalk.value;
  const word = chosenWord.value;
  const prototypes = shownPrototypes.value;
  if (!talk)
    return (
      <p class="hint" role="status">
        {talks.value.length > 0 ? 'A moment …' : 'Ask something, or let it ask; then point at a word of what it says.'}
      </p>
    );
  const isAttention = view.value === 'attention' || !prototypes;
  return (
    <div class="seen">
      <div class="looked">
        <Pixels of={talk.picture} />
        <Overlay />
      </div>
      <div class="beside">
        {prototypes && <Views />}
        {isAttention
          ? word && <Layers count={word.attention.length} />
          : prototypes && <Iterations count={prototypes.iterations.length} />}
        {isAttention && word && <Chances {...word} />}
      </div>
      <p class="hint" role="status">
        {isAttention
          ? word
            ? attentionSaid(word, layer.value)
            : 'Point at a word, tap it, or reach it with Tab and the arrow keys.'
          : prototypesSaid(prototypes!, iteration.value)}
        {isAttention && word && <span class="unseen"> {wordsSaid(word)}</span>}
      </p>
    </div>
  );
}

export function Inside() {
  return (
    <section class="inside" data-on={seesInside.value} aria-labelledby="inside">
      <button type="button" id="inside" aria-pressed={seesInside.value} disabled={hopeless.value} onClick={toggle}>
        See inside
      </button>
      {seesInside.value && <Seen />}
    </section>
  );
}
