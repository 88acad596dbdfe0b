/** @jsxImportSource preact */
/** @file The conversation, newest first. */
import { computed } from '@preact/signals';
import { Pixels } from '../board/board.tsx';
import { busy, opened, QUESTIONS, stop, talks } from '../session.ts';
import type { Talk } from '../session.ts';
import { QuizCard } from './quiz.tsx';
import { scoreOf, scoreText } from './score.ts';
import { judge, judgeDescription, tidy } from './wording.ts';
import { Written } from './written.tsx';

const score = computed(() => scoreText(scoreOf(talks.value, QUESTIONS)));

function Answered({ talk }: { talk: Talk }) {
  const text = talk.texts['answer 0'];
  return (
    <>
      <h3>{tidy(talk.asked!)}</h3>
      <Written
        kind="answer"
        talk={talk.id}
        place="answer 0"
        text={text}
        growing={talk.state === 'writing' || talk.state === 'waiting'}
        sureness={talk.sureness['answer 0']}
        verdict={(talk.state === 'done' && talk.truth && text && judge(talk.asked!, text, talk.truth)) || null}
      />
    </>
  );
}

function SelfAsked({ talk }: { talk: Talk }) {
  const { texts, state, truth: scene } = talk;
  const writing = state === 'writing' || state === 'waiting';
  const described = texts['question 0'] !== undefined;
  return (
    <>
      <h3>It looks, asks and answers</h3>
      <Written
        kind="description"
        talk={talk.id}
        place="description 0"
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
                  talk={talk.id}
                  place={`question ${k}`}
                  text={asked}
                  growing={writing && texts['self-answer 0'] === undefined && answer === undefined}
                  verdict={null}
                />
                {answer !== undefined && (
                  <Written
                    kind="self-answer"
                    talk={talk.id}
                    place={`self-answer ${k}`}
                    text={answer}
                    growing={writing}
                    sureness={talk.sureness[`self-answer ${k}`]}
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
  const waits = opened.value ? 'waiting for the previous one' : 'waiting for the model to load';
  return [rate, state === 'waiting' ? waits : state === 'stopped' ? 'stopped' : message].filter(Boolean).join(' · ');
}

function TalkCard({ talk }: { talk: Talk }) {
  return (
    <article class="talk" data-state={talk.state} data-kind={talk.kind} tabIndex={-1}>
      <Pixels of={talk.picture} class="thumb" aria-hidden="true" />
      <div>
        {talk.kind === 'self' && <SelfAsked talk={talk} />}
        {talk.kind === 'quiz' && <QuizCard talk={talk} />}
        {talk.kind === 'asked' && <Answered talk={talk} />}
        <footer>
          {speed(talk)}
          {talk.state === 'waiting' && (
            <button
              type="button"
              class="small"
              onClick={({ currentTarget }) => {
                currentTarget.closest<HTMLElement>('.talk')!.focus();
                stop(talk);
              }}
            >
              Take back
            </button>
          )}
        </footer>
      </div>
    </article>
  );
}

export function Conversation() {
  return (
    <section class="conversation" aria-label="Conversation">
      <h2 class="unseen">Conversation</h2>
      {score.value && (
        <p id="score" role="status">
          {score.value}
        </p>
      )}
      <div id="talks" role="log" aria-busy={busy.value}>
        {talks.value.map((talk) => (
          <TalkCard key={talk.id} talk={talk} />
        ))}
      </div>
    </section>
  );
}
