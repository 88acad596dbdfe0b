/** @file The questions before and after training: about held-out drawings, and about the samples. */
import { RandomStream } from '@curio/engine';
import { aboutImage } from '@curio/model';
import type { Picture, Speaker } from '@curio/model';
import { askOfKind, digitWord, KINDS, openGlyphs, renderScene } from '@curio/scenes';
import type { SceneSamples } from '@curio/scenes';
import { sceneOf } from './lessons.ts';
import type { Examined, Plan } from './messages.ts';

const SAMPLE_QUESTIONS = 8;
const LONGEST_ANSWER = 12;

/** The questions: which digit each drawing is, and one about each sample, each of a different kind. */
export function examOf({ apart, samples }: Pick<Plan, 'apart' | 'samples'>): Examined[] {
  const open = { before: null, after: null };
  const drawn = apart.map((drawing) => ({
    isDrawing: true,
    scene: sceneOf(drawing),
    question: `which digit is ${drawing.color} ?`,
    expected: `${digitWord(drawing.digit)} .`,
    ...open,
  }));
  const random = new RandomStream(1);
  const sampled = samples.scenes.slice(0, SAMPLE_QUESTIONS).flatMap((scene, i) => {
    const turn = KINDS.map((_, k) => askOfKind(scene, KINDS[(i + k) % KINDS.length]!, random)).find(Boolean);
    return turn ? [{ isDrawing: false, scene, question: turn.question, expected: turn.answer, ...open }] : [];
  });
  return [...drawn, ...sampled];
}

/** The model's answers. */
export async function answersTo(
  exam: readonly Examined[],
  {
    speaker,
    prepare,
    samples,
  }: { speaker: Speaker; prepare: (picture: Picture) => Float32Array; samples: SceneSamples },
  signal: AbortSignal,
): Promise<string[]> {
  const glyphs = openGlyphs(samples);
  const requests = exam.map(({ scene, question }) => ({
    pixels: prepare(renderScene(scene, glyphs)),
    messages: [
      { role: 'human', text: aboutImage(question) },
      { role: 'gpt', text: null },
    ] as const,
  }));
  return (await speaker.reply(requests, { maxNewTokens: LONGEST_ANSWER, signal })).map((text) => text.trim());
}

export interface Marks {
  readonly right: number;
  readonly of: number;
}

/** How many answers are right. */
export function marksOf(exam: readonly Examined[], when: 'before' | 'after', isDrawing: boolean): Marks | null {
  const asked = exam.filter((one) => one.isDrawing === isDrawing);
  if (asked.length === 0 || asked.some((one) => one[when] === null)) return null;
  return { right: asked.filter((one) => one[when] === one.expected).length, of: asked.length };
}
