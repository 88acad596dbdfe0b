/** @file Measures self-asked questions: similarity to the picture, diversity, consistency of their answers. */
import { RandomStream } from '@curio/engine';
import { distinct, selfBleu } from '@curio/eval';
import { aboutImage } from '@curio/model';
import type { AskConfig } from '@curio/model';
import { parseQuestion } from '@curio/scenes';
import type { SelfAsked } from '@curio/scenes';
import type { AskedScene } from '../run/summary.ts';
import type { RunData } from '../train/data.ts';
import { askItself } from '../train/evaluate.ts';
import type { Opened } from '../train/evaluate.ts';
import type { PictureText, Similarity } from './similarity.ts';

/** Cosines of texts with their pictures in CLIP's space, one each. */
export interface Similarities {
  readonly label: string;
  readonly own: readonly number[];
  /** The same texts, each with another picture: how well a text fits any picture. */
  readonly other: readonly number[];
}

export interface Diversity {
  readonly count: number;
  readonly different: number;
  readonly distinct1: number;
  readonly distinct2: number;
  /** Over a sample of at most `MOST_COMPARED` texts; null for fewer than two. */
  readonly selfBleu: number | null;
  /** Share of each kind among the well-formed. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Answers to self-asked questions, sampled again with each seed. */
export interface Consistency {
  readonly questions: number;
  readonly seeds: number;
  /** Fraction of the questions whose answers all agree. */
  readonly same: number;
  /** Accuracy if the answers agree, and if not (of questions about the picture). */
  readonly rightWhenSame: number | null;
  readonly rightWhenNot: number | null;
}

export interface QuestionsResult {
  readonly asked: Diversity;
  readonly data: Diversity;
  readonly similarities: readonly Similarities[];
  readonly consistency: Consistency;
  /** For the questions of each seed. */
  readonly verdicts: readonly SelfAsked[];
  /** The published CLIP that measured similarity; null: the base's own. */
  readonly clip: string | null;
}

export interface MeasureOptions {
  readonly ask: AskConfig;
  readonly seeds: readonly number[];
  readonly similarity: Similarity;
  readonly signal: AbortSignal;
  readonly onPart: (label: string, count: number) => void;
}

/** Self-BLEU takes time quadratic in the number of texts. */
const MOST_COMPARED = 300;

/** Null if `signal` aborted it. Also returns the pictures of the first seed with their questions. */
export async function measureQuestions(
  opened: Opened,
  data: RunData,
  { ask, seeds, similarity, signal, onPart }: MeasureOptions,
): Promise<{ readonly result: Omit<QuestionsResult, 'clip'>; readonly scenes: readonly AskedScene[] } | null> {
  const bySeed: Awaited<ReturnType<typeof askItself>>[] = [];
  for (const seed of seeds) {
    onPart(`self-questions of seed ${seed}`, data.scenes.length * ask.questions);
    bySeed.push(await askItself(opened, data, ask, seed, signal));
    if (signal.aborted) return null;
  }
  const all = bySeed.flatMap(({ asked }) => asked);
  onPart('answers drawn anew', data.scenes.length * ask.questions * seeds.length);
  const consistency = await consistencyOf(opened, bySeed[0]!.asked, ask, seeds);
  if (signal.aborted) return null;
  onPart('similarities', all.length * ask.questions + data.questions.length);
  const held = await Promise.all(
    data.questions.map(async (question) => ({ ...question, picture: await data.images.heldOut.read(question.image) })),
  );
  const turns = all.flatMap(({ picture, asked }) => asked.map((turn) => ({ picture, ...turn })));
  const captions = bySeed[0]!.asked.flatMap(({ picture, truth }) => (truth === null ? [] : [{ picture, text: truth }]));
  const groups: [string, PictureText[]][] = [
    // Captions that the towers were trained on: an upper bound.
    ['true captions', captions],
    ['self-asked questions', turns.map(({ picture, question }) => ({ picture, text: question }))],
    ['its own answers', turns.map(({ picture, answer }) => ({ picture, text: answer }))],
    ["the data's questions", held.map(({ picture, question }) => ({ picture, text: question }))],
    ["the data's answers", held.map(({ picture, expected }) => ({ picture, text: expected }))],
  ];
  const similarities: Similarities[] = [];
  for (const [label, texts] of groups) {
    const shift = Math.floor(texts.length / 2) + 1;
    const others = texts.map(({ text }, i) => ({ text, picture: texts[(i + shift) % texts.length]!.picture }));
    similarities.push({ label, own: await similarity(texts), other: await similarity(others) });
  }
  const result = {
    asked: diversityOf(turns.map(({ question }) => question)),
    data: diversityOf(data.questions.map(({ question }) => question)),
    similarities,
    consistency,
    verdicts: bySeed.flatMap(({ selfAsked }) => selfAsked ?? []),
  };
  return { result, scenes: bySeed[0]!.asked };
}

export function diversityOf(questions: readonly string[]): Diversity {
  const kinds = questions.flatMap((text) => parseQuestion(text)?.kind ?? []);
  const counts = [...new Set(kinds)].map((kind): [string, number] => [
    kind,
    kinds.filter((each) => each === kind).length / kinds.length,
  ]);
  return {
    count: questions.length,
    different: new Set(questions).size,
    distinct1: distinct(questions, 1),
    distinct2: distinct(questions, 2),
    selfBleu: selfBleu(new RandomStream(0).shuffle([...questions]).slice(0, MOST_COMPARED)),
    kinds: Object.fromEntries(counts.sort((a, b) => b[1] - a[1])),
  };
}

/** Answers each question in a conversation of its own, once per seed, sampled like the questions. */
async function consistencyOf(
  { speaker, prepare }: Opened,
  scenes: readonly AskedScene[],
  ask: AskConfig,
  seeds: readonly number[],
): Promise<Consistency> {
  const turns = scenes.flatMap(({ picture, asked }) => {
    const pixels = prepare(picture);
    return asked.map(({ question, verdict }) => ({ pixels, question, expected: verdict?.expected ?? null }));
  });
  const requests = turns.map(({ pixels, question }) => ({
    pixels,
    messages: [
      { role: 'human' as const, text: aboutImage(question) },
      { role: 'gpt' as const, text: null },
    ],
  }));
  const { temperature, topK, topP, maxAnswer: maxNewTokens } = ask;
  const answers: string[][] = [];
  for (const seed of seeds)
    answers.push(
      await speaker.reply(requests, {
        ...{ temperature, topK: topK || undefined, topP, maxNewTokens, seed, together: true },
      }),
    );
  return summariseConsistency(
    turns.map(({ expected }, i) => ({ expected, answers: answers.map((list) => list[i]!.trim()) })),
  );
}

/** `expected` is null if a question has no answer in its picture. */
export function summariseConsistency(
  turns: readonly { readonly expected: string | null; readonly answers: readonly string[] }[],
): Consistency {
  const isSame = ({ answers }: (typeof turns)[number]): boolean => new Set(answers).size === 1;
  const right = (list: typeof turns): number | null => {
    const judged = list.flatMap(({ expected, answers }) =>
      expected === null ? [] : answers.map((answer) => answer === expected.trim()),
    );
    return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length;
  };
  const same = turns.filter(isSame);
  return {
    questions: turns.length,
    seeds: turns[0]?.answers.length ?? 0,
    same: turns.length === 0 ? 0 : same.length / turns.length,
    rightWhenSame: right(same),
    rightWhenNot: right(turns.filter((turn) => !isSame(turn))),
  };
}
