/** @jsxImportSource preact */
/** @file Asking, and what was said. */
import { computed, signal } from '@preact/signals';
import { Pixels, picture, sketch, truth } from './easel.tsx';
import { ask, busy, letItAsk, QUESTIONS, ready, stop, talks } from './session.ts';
import type { Talk } from './session.ts';
import { asRead, examples, judge, judgeDescription, tidy, unknownWords } from './wording.ts';
import type { Verdict } from './wording.ts';

const question = signal('');
const unknown = computed(() => unknownWords(asRead(question.value)));

function put(text: string): void {
  question.value = tidy(text);
  const read = asRead(text);
  if (ready.value && read !== '') ask(read, picture(), truth.value);
}

function Asking() {
  return (
    <form
      class="asking"
      onSubmit={(event) => {
        event.preventDefault();
        put(question.value);
      }}
    >
      <label for="question">Ask about the picture</label>
      <div class="row">
        <input
          id="question"
          autocomplete="off"
          placeholder="Which digit is red?"
          value={question.value}
          aria-describedby="unknown"
          onInput={(event) => (question.value = event.currentTarget.value)}
        />
        {busy.value ? (
          <button key="stop" type="button" id="stop" onClick={stop}>
            Stop
          </button>
        ) : (
          <button key="ask" type="submit" id="ask" disabled={!ready.value || asRead(question.value) === ''}>
            Ask
          </button>
        )}
      </div>
      <p id="unknown" class="hint" role="status">
        {unknown.value.length > 0 &&
          `It has never read ${unknown.value.map((word) => `“${word}”`).join(', ')}; it knows digits, colours, sizes and places.`}
      </p>
      <div class="chips" role="group" aria-label="Examples">
        {examples(sketch.value).map((text) => (
          <button key={text} type="button" onClick={() => put(text)}>
            {tidy(text)}
          </button>
        ))}
      </div>
      <button
        type="button"
        id="self"
        class="primary"
        disabled={!ready.value}
        onClick={() => letItAsk(picture(), truth.value)}
      >
        Let it ask
      </button>
      <p class="hint">It describes the picture, asks {QUESTIONS} questions of its own, and answers them.</p>
    </form>
  );
}

/** A small mark where the truth of the picture is known. */
function Mark({ verdict }: { verdict: Verdict | null }) {
  if (!verdict) return null;
  return verdict.right ? (
    <b class="mark right" title="right">
      ✓<span class="unseen"> right</span>
    </b>
  ) : (
    <b class="mark wrong">
      ✗ <em>{tidy(verdict.truth)}</em>
    </b>
  );
}

function Written({
  kind,
  text,
  growing,
  verdict,
}: {
  kind: string;
  text: string | undefined;
  growing: boolean;
  verdict: Verdict | null;
}) {
  if (text === undefined)
    return growing ? (
      <p class={kind}>
        <i class="caret" />
      </p>
    ) : null;
  return (
    <p class={kind} data-text={text}>
      {tidy(text)}
      {growing ? <i class="caret" /> : <Mark verdict={verdict} />}
    </p>
  );
}

function Answered({ talk }: { talk: Talk }) {
  const text = talk.texts['answer 0'];
  return (
    <>
      <h3>{tidy(talk.asked!)}</h3>
      <Written
        kind="answer"
        text={text}
        growing={talk.state === 'writing'}
        verdict={(talk.state === 'done' && talk.truth && text && judge(talk.asked!, text, talk.truth)) || null}
      />
    </>
  );
}

function SelfAsked({ talk }: { talk: Talk }) {
  const { texts, state, truth: scene } = talk;
  const writing = state === 'writing';
  const described = texts['question 0'] !== undefined;
  return (
    <>
      <h3>It looks, asks and answers</h3>
      <Written
        kind="description"
        text={texts['description 0']}
        growing={writing && !described}
        verdict={
          state === 'done' && scene && texts['description 0'] ? judgeDescription(texts['description 0'], scene) : null
        }
      />
      <ol>
        {Array.from({ length: QUESTIONS }, (_, k) => {
          const [asked, answer] = [texts[`question ${k}`], texts[`self-answer ${k}`]];
          return (
            asked !== undefined && (
              <li key={k}>
                <Written
                  kind="question"
                  text={asked}
                  growing={writing && texts['self-answer 0'] === undefined && answer === undefined}
                  verdict={null}
                />
                {answer !== undefined && (
                  <Written
                    kind="self-answer"
                    text={answer}
                    growing={writing}
                    verdict={state === 'done' && scene ? judge(asked, answer, scene) : null}
                  />
                )}
              </li>
            )
          );
        })}
      </ol>
    </>
  );
}

function speed({ tokens, seconds, state, message }: Talk): string {
  const rate =
    tokens > 1 && seconds > 0
      ? `${tokens} tokens, ${((tokens - 1) / seconds).toPrecision(3).replace(/\.0+$/, '')} tokens/s`
      : '';
  return [rate, state === 'stopped' ? 'stopped' : state === 'failed' ? message : ''].filter(Boolean).join(' · ');
}

function TalkCard({ talk }: { talk: Talk }) {
  return (
    <article class="talk" data-state={talk.state} data-kind={talk.asked === null ? 'self' : 'asked'}>
      <Pixels of={talk.picture} class="thumb" aria-hidden="true" />
      <div>
        {talk.asked === null ? <SelfAsked talk={talk} /> : <Answered talk={talk} />}
        <footer>{speed(talk)}</footer>
      </div>
    </article>
  );
}

export function Conversation() {
  return (
    <section class="conversation" aria-label="Conversation">
      <Asking />
      <div id="talks" role="log" aria-busy={busy.value}>
        {talks.value.map((talk) => (
          <TalkCard key={talk.id} talk={talk} />
        ))}
      </div>
    </section>
  );
}
