/** @jsxImportSource preact */
/** @file The model asks, the visitor taps an answer, and both are compared with the truth if it is known. */
import { Text } from '../inside/words.tsx';
import { pick, QUESTIONS } from '../session.ts';
import type { Talk } from '../session.ts';
import { quizOf } from './score.ts';
import { judge, tidy } from './wording.ts';
import { Doubt, Mark, Written } from './written.tsx';

export function QuizCard({ talk }: { talk: Talk }) {
  const { question, index, options, answer } = quizOf(talk, QUESTIONS);
  const { picked, state, truth } = talk;
  const going = state === 'writing' || state === 'waiting';
  if (question === undefined)
    return (
      <>
        <h3>It asks you</h3>
        <Written kind="question" talk={talk.id} place="question 0" text={undefined} growing={going} verdict={null} />
      </>
    );
  if (question === null) return <h3>It asked only for descriptions this time: let it ask again.</h3>;
  const verdict = (said: string) => truth && judge(question, said, truth);
  return (
    <>
      <h3>It asks you</h3>
      <p class="answer" data-text={question}>
        <Text text={question} talk={talk.id} place={`question ${index}`} />
      </p>
      {picked === null ? (
        <div class="options" role="group" aria-label="Your answer">
          {options.map((text) => (
            <button
              key={text}
              type="button"
              onClick={({ currentTarget }) => {
                // The buttons disappear; focus stays in the card.
                currentTarget.closest<HTMLElement>('.talk')!.focus();
                pick(talk.id, text);
              }}
            >
              {tidy(text).replace(/\.$/, '')}
            </button>
          ))}
        </div>
      ) : (
        <dl class="both">
          <dt>You</dt>
          <dd data-said={picked}>
            {tidy(picked)}
            <Mark verdict={verdict(picked)} />
          </dd>
          <dt>The model</dt>
          <dd data-said={answer}>
            {answer === undefined && (going ? <i class="caret" /> : 'was stopped')}
            {answer !== undefined && <Text text={answer} talk={talk.id} place={`self-answer ${index}`} />}
            <Doubt sureness={answer === undefined ? undefined : talk.sureness[`self-answer ${index}`]} />
            {answer !== undefined && <Mark verdict={verdict(answer)} />}
          </dd>
        </dl>
      )}
    </>
  );
}
