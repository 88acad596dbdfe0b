/** @file Which lookups a language base has learnt: questions about text pictures, by kind. */
import { argmax, noGrad, RandomStream, upload } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { encodeConversation, IGNORE, IMAGE_TOKEN, makeTextBatch, TEMPLATES } from '@curio/model';
import type { Llama, Tokens } from '@curio/model';
import { caption, KINDS } from '../grammar.ts';
import type { Kind } from '../grammar.ts';
import { messagesOf, patchWords } from '../picture-text.ts';
import { patchWord, DESCRIBE } from '../words.ts';
import { sampleScene } from '../scene.ts';
import type { GlyphSource, Scene } from '../scene.ts';
import { askFalsePremise, askOfKind } from '../talk.ts';
import { labelledHidden, languageInputs } from './pretrain.ts';

type ProbedKind = Kind | 'caption' | 'false_premise';

export interface LlamaProbeOptions {
  readonly tokens: Tokens;
  readonly glyphs: GlyphSource;
  readonly seed: number;
  readonly stream: number;
  /** Questions of each kind. */
  readonly perKind: number;
}

/**
 * Share of exact answers by kind, and of captions. The whole answer with its end counts, word by word given the right
 * words before it (teacher forcing), which gives the same verdict as greedy decoding.
 */
export async function probeLlama(
  llama: Llama,
  gpu: Gpu,
  { tokens, glyphs, seed, stream, perKind }: LlamaProbeOptions,
): Promise<Record<ProbedKind, number>> {
  const out: Partial<Record<ProbedKind, number>> = {};
  for (const [k, kind] of ([...KINDS, 'caption', 'false_premise'] as const).entries()) {
    const random = new RandomStream(seed, k, stream);
    const documents = Array.from({ length: perKind }, () => {
      const { scene, turn } = askable(kind, random, glyphs);
      const { ids, labels } = encodeConversation(tokens, TEMPLATES.scenes, messagesOf([turn]));
      const picture = patchWords(scene, random).map((word) => tokens.id(patchWord(word))!);
      return {
        ids: ids.flatMap((id) => (id === IMAGE_TOKEN ? picture : [id])),
        weights: ids.flatMap((id, i) => (id === IMAGE_TOKEN ? picture.map(() => 0) : [labels[i] === IGNORE ? 0 : 1])),
      };
    });
    const inputs = languageInputs(makeTextBatch(documents));
    const pending = gpu.scope(() =>
      noGrad(() => {
        const hidden = labelledHidden(llama, upload(gpu, inputs));
        return argmax(llama.logits(hidden), { axis: -1 }).read();
      }),
    );
    const chosen = await pending;
    let row = 0;
    let right = 0;
    for (const { weights } of documents) {
      const answer = weights.reduce((sum, w) => sum + w, 0);
      let same = true;
      for (let i = 0; i < answer; i++, row++) same &&= chosen[row] === inputs.targets.values[row];
      right += same ? 1 : 0;
    }
    out[kind] = right / perKind;
  }
  return out as Record<ProbedKind, number>;
}

function askable(
  kind: ProbedKind,
  random: RandomStream,
  glyphs: GlyphSource,
): { scene: Scene; turn: { question: string; answer: string } } {
  for (;;) {
    const scene = sampleScene(random, glyphs);
    const turn =
      kind === 'caption'
        ? { question: DESCRIBE, answer: caption(scene) }
        : kind === 'false_premise'
          ? askFalsePremise(scene, random)
          : askOfKind(scene, kind, random);
    if (turn) return { scene, turn };
  }
}
