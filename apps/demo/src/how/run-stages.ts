/** @file From a picture to the model's own question, stage by stage: what the worker runs and reports. */
import { keep, noGrad, profile, summarise } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { aboutImage, imageTensor } from '@curio/model';
import type { AskConfig, Message, PrototypeTrace, Role, Speaker } from '@curio/model';
import { tracesFor } from '../inside/messages.ts';
import type { FromInside, SeenWord } from '../inside/messages.ts';

/** The time of a stage on the device. */
export interface StageTime {
  readonly dispatches: number;
  readonly ms: number;
  /** The kernel that took the most time, and in how many dispatches. */
  readonly kernel: { readonly name: string; readonly ms: number; readonly dispatches: number };
}

export type Stage = { readonly time: StageTime | null /** Null where the device has no timestamps. */ } & (
  | { readonly name: 'patches'; readonly patches: number; readonly width: number }
  | { readonly name: 'prototypes'; readonly prototypes: PrototypeTrace | null }
  | { readonly name: 'words' | 'question'; readonly words: readonly SeenWord[] }
);

export interface FromStages {
  readonly kind: 'stage';
  readonly id: number;
  readonly stage: Stage;
}

async function timed(gpu: Gpu, run: () => unknown): Promise<StageTime | null> {
  if (!gpu.device.features.has('timestamp-query')) {
    await run();
    return null;
  }
  const { kernels, dispatches, busyMs } = summarise(await profile(gpu, run));
  const { label, ms, count } = kernels[0]!;
  // `matmul/tile:multiply (T=4u)`: entry point and tuning do not matter here.
  return { dispatches, ms: busyMs, kernel: { name: label.replace(/:.*/, ''), ms, dispatches: count } };
}

/** Runs the four stages in order and reports each when it is done; `signal` ends it. */
export async function runStages(
  speaker: Speaker,
  ask: AskConfig,
  pixels: Float32Array,
  signal: AbortSignal,
  tell: (stage: Stage) => void,
): Promise<void> {
  const { model, tokens } = speaker;
  const { gpu } = model;

  let features: Tensor | null = null;
  try {
    const seeing = await timed(gpu, () => {
      features = gpu.scope(() => noGrad(() => keep(model.vision.features(imageTensor(model, pixels)))));
    });
    const [, patches, width] = features!.shape as [number, number, number];
    tell({ name: 'patches', patches, width, time: seeing });
    if (signal.aborted) return;
    const grouping = await timed(gpu, () => gpu.scope(() => noGrad(() => model.projector.forward(features!))));
    let prototypes: PrototypeTrace | null = null;
    let words: SeenWord[] = [];
    const hear = (message: FromInside): void => {
      if (message.kind === 'patches') prototypes ??= message.prototypes;
      else words.push(message.word);
    };
    const trace = tracesFor(0, tokens, hear).reply;
    const write = async (said: readonly Message[], role: Role, maxNewTokens: number) => {
      const requests = [{ pixels, messages: [...said, { role, text: null }] }];
      // Once to time it and once to trace it, which takes time; the words are the same.
      const time = await timed(gpu, () => speaker.reply(requests, { maxNewTokens, signal }));
      words = [];
      const [text] = (await speaker.reply(requests, { maxNewTokens, signal, trace })) as [string];
      return { text, time, words };
    };
    const opening: Message = { role: 'human', text: aboutImage(ask.describePrompt) };
    const description = await write([opening], 'gpt', ask.maxDescription);
    if (signal.aborted) return;
    tell({ name: 'prototypes', prototypes, time: grouping });
    tell({ name: 'words', words: description.words, time: description.time });
    const question = await write([opening, { role: 'gpt', text: description.text }], 'vuser', ask.maxQuestion);
    if (signal.aborted) return;
    tell({ name: 'question', words: question.words, time: question.time });
  } finally {
    (features as Tensor | null)?.dispose();
  }
}
