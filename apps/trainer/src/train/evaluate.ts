/** @file Evaluates a model's answers to held-out questions and the questions that it asks itself. */
import { aboutImage } from '@curio/model';
import { accuracyOf, caption, judgeAsked, mostFrequentAnswers, summariseAsked } from '@curio/scenes';
import type { AskConfig, Picture, Samples } from '@curio/model';
import type { Accuracy, SelfAsked } from '@curio/scenes';
import type { PlacedImages } from '../data/decode.ts';
import type { AskedScene } from '../run/summary.ts';
import type { HeldOutQuestion, RunData } from './data.ts';
import type { OpenedModel } from './open.ts';

export type Opened = Pick<OpenedModel, 'speaker' | 'prepare'>;

interface HeldOutImages {
  readonly heldOut: Pick<PlacedImages, 'read'>;
}

/** A held-out question with the model's answer. */
export interface AnsweredQuestion extends HeldOutQuestion {
  readonly answer: string;
}

/** The evaluation at the end of a run, and of `curio eval scenes`. */
export interface Evaluation {
  readonly answers: Accuracy | null;
  readonly answered: readonly AnsweredQuestion[];
  readonly blind: Accuracy | null;
  readonly selfAsked: SelfAsked | null;
  readonly asked: readonly AskedScene[];
}

/** The complete evaluation; incomplete if `signal` aborted it. */
export async function evaluate(
  opened: Opened,
  data: RunData,
  ask: AskConfig,
  seed: number,
  { signal, onPart }: { readonly signal: AbortSignal; readonly onPart: (label: string, count: number) => void },
): Promise<Evaluation> {
  onPart('held-out questions', data.questions.length);
  const answered = await answerAll(opened, data, ask);
  onPart('without the picture', data.questions.length);
  const blind = await answerBlind(opened, data, ask);
  onPart('self-questions', data.scenes.length * ask.questions);
  return { answers: accuracyOrNull(answered), answered, blind, ...(await askItself(opened, data, ask, seed, signal)) };
}

/**
 * Greedy answers to every question; with `shift`, each question is shown the picture of the question that many places
 * later.
 */
export async function answerAll(
  { speaker, prepare }: Opened,
  { images, questions }: Pick<RunData, 'questions'> & { readonly images: HeldOutImages },
  ask: AskConfig,
  shift = 0,
): Promise<AnsweredQuestion[]> {
  if (questions.length === 0) return [];
  const requests = await Promise.all(
    questions.map(async ({ question }, i) => {
      const { image } = questions[(i + shift) % questions.length]!;
      return {
        pixels: prepare(await images.heldOut.read(image)),
        messages: [
          { role: 'human' as const, text: aboutImage(question) },
          { role: 'gpt' as const, text: null },
        ],
      };
    }),
  );
  const answers = await speaker.reply(requests, { maxNewTokens: ask.maxAnswer, together: true });
  return questions.map((question, i) => ({ ...question, answer: answers[i]! }));
}

/** Null without questions. */
export const accuracyOrNull = (answered: readonly AnsweredQuestion[]): Accuracy | null =>
  answered.length === 0 ? null : accuracyOf(answered);

/**
 * The blind baseline: the better of the most frequent training answer to each question text and the model's answer when
 * shown another picture.
 */
async function answerBlind(
  opened: Opened,
  data: Pick<RunData, 'images' | 'questions' | 'stage2'>,
  ask: AskConfig,
): Promise<Accuracy | null> {
  if (data.questions.length < 2) return null;
  const guess = mostFrequentAnswers(
    await turnsOf(data.stage2, new Set(data.questions.map(({ question }) => question))),
  );
  const frequent = accuracyOf(
    data.questions.map(({ kind, question, expected }: HeldOutQuestion) => ({
      kind,
      expected,
      answer: guess(question),
    })),
  );
  // Kinds alternate, so a shift by a multiple of their number would pair a question with a picture drawn for its own
  // kind.
  const shuffled = accuracyOf(await answerAll(opened, data, ask, Math.floor(data.questions.length / 2) + 1));
  return shuffled.overall > frequent.overall ? shuffled : frequent;
}

/** Training samples searched for answers. */
const MAX_SEARCHED = 50_000;

/** Turns of the first training samples: those with a held-out question's text, and others up to a limit. */
async function turnsOf(samples: Samples, asked: ReadonlySet<string>): Promise<{ question: string; answer: string }[]> {
  const turns: { question: string; answer: string }[] = [];
  for (let k = 0; k < Math.min(samples.length, MAX_SEARCHED); k++) {
    const { messages } = await samples.read(k);
    for (let i = 0; i + 1 < messages.length; i += 2) {
      const question = messages[i]!.text!.replace('<image>', '').trim();
      if (asked.has(question) || turns.length < MAX_SEARCHED) turns.push({ question, answer: messages[i + 1]!.text! });
    }
  }
  return turns;
}

/** Lets the model ask itself about every held-out picture. Verdicts need the scenes' ground truth. */
export async function askItself(
  { speaker, prepare }: Opened,
  { images, scenes }: Pick<RunData, 'images' | 'scenes'>,
  ask: AskConfig,
  seed: number,
  signal?: AbortSignal,
): Promise<{ selfAsked: SelfAsked | null; asked: AskedScene[] }> {
  const pictures: Picture[] = await Promise.all(scenes.map(({ image }) => images.heldOut.read(image)));
  const said = await speaker.selfQuestion(
    pictures.map((picture) => prepare(picture)),
    ask,
    seed,
    { signal, together: true },
  );
  const asked = said.map((talk, i): AskedScene => {
    const { id, scene } = scenes[i]!;
    const other = scenes[(i + 1) % scenes.length]!.scene;
    return {
      id,
      picture: pictures[i]!,
      truth: scene && caption(scene),
      description: talk.description,
      asked: talk.asked.map(({ question, answer }) => ({
        question,
        answer,
        verdict: scene && other && judgeAsked(question, answer, scene, other),
      })),
    };
  });
  const all = asked.flatMap((scene) => scene.asked);
  const verdicts = all.flatMap(({ verdict }) => (verdict ? [verdict] : []));
  return {
    selfAsked:
      verdicts.length > 0
        ? summariseAsked(
            all.map(({ question }) => question),
            verdicts,
          )
        : null,
    asked,
  };
}
