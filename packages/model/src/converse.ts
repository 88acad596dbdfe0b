/**
 * @file Asking the model: answers to questions, descriptions, and visual self-questioning (docs/sq-llava.md 5.1, 5.2).
 */
import { noGrad } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import type { AskConfig } from './config.ts';
import { encodeConversation } from './data/conversation.ts';
import type { Message } from './data/conversation.ts';
import { generate } from './generate.ts';
import type { GenerateOptions } from './generate.ts';
import type { SqLlava } from './sq-llava.ts';
import { imageTensor, templateOf } from './stages.ts';
import { IMAGE_TAG } from './data/tokens.ts';
import type { Tokens } from './data/tokens.ts';

/** A prompt to continue: what was said, ending with a message of null text, and the picture it is about. */
export interface Request {
  readonly pixels: Float32Array | null;
  readonly messages: readonly Message[];
}

export interface SelfQuestion {
  readonly question: string;
  readonly answer: string;
}
export interface SelfQuestioning {
  readonly description: string;
  readonly asked: readonly SelfQuestion[];
}

export interface SelfQuestionOptions {
  /** Ends the writing where it stands. */
  readonly signal?: AbortSignal;
  /**
   * Called as text grows: descriptions by picture; questions, then their answers, by picture and number (`picture ·
   * ask.questions + k`).
   */
  readonly onText?: (part: 'description' | 'question' | 'answer', index: number, text: string) => void;
}

/** The first human turn about a picture. */
export const aboutImage = (question: string): string => `${IMAGE_TAG}\n${question}`;

/** How many prompts are continued together. */
const WIDTH = 64;

/** Talks with a model. One at a time: the model's cache is made for each call. */
export class Speaker {
  constructor(
    readonly model: SqLlava,
    readonly tokens: Tokens,
  ) {}

  /** Continues each request. Prompts of equal length go together; the order of the results is that of the requests. */
  async reply(
    requests: readonly Request[],
    options: Omit<GenerateOptions, 'eos' | 'onToken'> & { onText?: (request: number, text: string) => void },
  ): Promise<string[]> {
    const template = templateOf(this.model.config);
    const prompts = requests.map(({ messages }) => encodeConversation(this.tokens, template, messages).ids);
    const byLength = new Map<number, number[]>();
    prompts.forEach((ids, i) => byLength.set(ids.length, [...(byLength.get(ids.length) ?? []), i]));
    const out: string[] = requests.map(() => '');
    const { onText, ...rest } = options;
    for (const same of byLength.values()) {
      for (let at = 0; at < same.length; at += WIDTH) {
        const part = same.slice(at, at + WIDTH);
        const written: number[][] = part.map(() => []);
        const onToken =
          onText &&
          ((k: number, id: number): void => {
            written[k]!.push(id);
            onText(part[k]!, this.tokens.decode(written[k]!));
          });
        const ids = await this.withImages(
          part.map((i) => requests[i]!.pixels),
          (images) =>
            generate(
              this.model,
              part.map((i) => prompts[i]!),
              images,
              { ...rest, seed: (rest.seed ?? 0) + part[0]!, eos: this.tokens.eos, onToken },
            ),
        );
        part.forEach((i, k) => (out[i] = this.tokens.decode(ids[k]!).trim()));
      }
    }
    return out;
  }

  /**
   * Describes each picture, then draws `ask.questions` questions from that point independently, then answers each of
   * them.
   */
  async selfQuestion(
    pictures: readonly Float32Array[],
    ask: AskConfig,
    seed: number,
    { signal, onText }: SelfQuestionOptions = {},
  ): Promise<SelfQuestioning[]> {
    const listen = (part: 'description' | 'question' | 'answer') =>
      onText && ((index: number, text: string): void => onText(part, index, text));
    const opening: Message = { role: 'human', text: aboutImage(ask.describePrompt) };
    const descriptions = await this.reply(
      pictures.map((pixels) => ({ pixels, messages: [opening, { role: 'gpt', text: null }] })),
      { maxNewTokens: ask.maxDescription, signal, onText: listen('description') },
    );
    const turns = pictures.flatMap((pixels, p) =>
      Array.from({ length: ask.questions }, () => ({
        pixels,
        said: [opening, { role: 'gpt', text: descriptions[p]! }] as Message[],
      })),
    );
    const sampling = { temperature: ask.temperature, topK: ask.topK || undefined, topP: ask.topP };
    const questions = await this.reply(
      turns.map(({ pixels, said }) => ({ pixels, messages: [...said, { role: 'vuser', text: null }] })),
      { ...sampling, maxNewTokens: ask.maxQuestion, seed, signal, onText: listen('question') },
    );
    const answers = await this.reply(
      turns.map(({ pixels, said }, i) => ({
        pixels,
        messages: [...said, { role: 'vuser', text: questions[i]! }, { role: 'gpt', text: null }],
      })),
      { maxNewTokens: ask.maxAnswer, signal, onText: listen('answer') },
    );
    return pictures.map((_, p) => ({
      description: descriptions[p]!,
      asked: Array.from({ length: ask.questions }, (_, k) => ({
        question: questions[p * ask.questions + k]!,
        answer: answers[p * ask.questions + k]!,
      })),
    }));
  }

  /** Image features of the pictures, kept while `use` runs. */
  private async withImages<T>(
    pictures: readonly (Float32Array | null)[],
    use: (images: Tensor | null) => Promise<T>,
  ): Promise<T> {
    const given = pictures.filter((p) => p !== null);
    if (given.length === 0) return use(null);
    const all = new Float32Array(given.length * given[0]!.length);
    given.forEach((pixels, i) => all.set(pixels, i * pixels.length));
    const images = this.model.gpu.scope(() => noGrad(() => this.model.encodeImages(imageTensor(this.model, all))));
    try {
      return await use(images);
    } finally {
      images.dispose();
    }
  }
}
