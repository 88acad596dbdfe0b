/** @jsxImportSource preact */
/** @file Asking: the visitor asks the model, the model itself, or the model the visitor. */
import { computed, signal } from '@preact/signals';
import { isEmpty, picture, sketch, truth } from '../board/drawing.ts';
import { ask, hopeless, letItAsk, letItQuiz, QUESTIONS, stopFirst, stoppable } from '../session.ts';
import { readQuestion, suggestions } from './question.ts';
import { tidy } from './wording.ts';

export const question = signal('');
/** Why the question was not sent; until the next keystroke. */
const why = signal('');
const suggested = computed(() => suggestions(question.value, sketch.value));

/** Does what needs a picture, or says that there is none. */
function withPicture(then: () => void): void {
  why.value = isEmpty.value ? 'I see nothing on the board: draw a digit first.' : '';
  if (!isEmpty.value) then();
}

function put(text: string): void {
  question.value = text;
  withPicture(() => {
    const typed = readQuestion(text);
    if ('why' in typed) why.value = typed.why;
    else ask(typed.question, picture.value, truth.value);
  });
}

function Questioning() {
  return (
    <div class="questioning">
      <button
        type="button"
        id="self"
        class="primary"
        disabled={hopeless.value}
        aria-describedby="self-help"
        onClick={() => withPicture(() => letItAsk(picture.value, truth.value))}
      >
        Let it ask
      </button>
      <button
        type="button"
        id="quiz"
        disabled={hopeless.value}
        onClick={() => withPicture(() => letItQuiz(picture.value, truth.value))}
      >
        It asks you
      </button>
      <p id="self-help" class="hint">
        It describes the picture, asks {QUESTIONS} questions of its own, and answers them.
      </p>
    </div>
  );
}

export function Asking() {
  return (
    <>
      <Questioning />
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
            aria-describedby="why"
            onInput={(event) => {
              question.value = event.currentTarget.value;
              why.value = '';
            }}
          />
          <button type="submit" id="ask" disabled={hopeless.value}>
            Ask
          </button>
          <button type="button" id="stop" aria-disabled={!stoppable.value} onClick={stopFirst}>
            Stop
          </button>
        </div>
        <p id="why" class={why.value ? 'hint refused' : 'hint'} role="status">
          {why.value || 'It knows digits, colors, sizes and places; each question is about the picture as it is now.'}
        </p>
        <div class="chips" role="group" aria-label="Suggestions">
          {suggested.value.map((text) => (
            <button key={text} type="button" disabled={hopeless.value} onClick={() => put(tidy(text))}>
              {tidy(text)}
            </button>
          ))}
        </div>
      </form>
    </>
  );
}
