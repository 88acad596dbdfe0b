/** @file Generates replies: answers to questions, descriptions, and visual self-questioning. docs/sq-llava.md 5. */
import { cat, ConfigError, DataError, indexSelect, noGrad, tensor } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import type { AskConfig } from '../config.ts';
import { encodeConversation, renderConversation } from '../data/conversation.ts';
import type { Template, TemplateName } from '../data/conversation.ts';
import { IMAGE_TAG } from '../data/tokens.ts';
import type { Tokens } from '../data/tokens.ts';
import { TextStream } from '../decoding/text-stream.ts';
import { readPrototypes } from '../decoding/trace.ts';
import type { PrototypeTrace } from '../decoding/trace.ts';
import { generate, positionsOf } from '../generate.ts';
import type { SequenceOptions, Sequence } from '../generate.ts';
import { imageTensor, templateOf } from '../model-inputs.ts';
import type { AssignmentListener, SqLlava } from '../sq-llava.ts';
import { picturesOf } from './request.ts';
import type { Reply, ReplyOptions, Request } from './request.ts';
import { answerAfterQuestions, selfQuestion } from './self-questioning.ts';
import type {
  AfterQuestionsOptions,
  QuestionedImage,
  SelfQuestioning,
  SelfQuestionOptions,
} from './self-questioning.ts';

/** Requests whose image features are in memory at a time. */
const WIDTH = 64;

/** Generates replies with a model. One call at a time: each call has its own KV cache. */
export class Speaker {
  constructor(
    readonly model: SqLlava,
    readonly tokens: Tokens,
  ) {}

  /** The texts of the replies, as `write` generates them. */
  async reply(requests: readonly Request[], options: ReplyOptions): Promise<string[]> {
    return (await this.write(requests, options)).map(({ text }) => text);
  }

  /**
   * Generates a reply to each request, in the same order. Each is the same to the bit as it would be alone, except with
   * `together`. Sampling depends on the seed and on `stream`, by default the request's index.
   * @throws DataError if the numbers of images and `<image>`s differ or a prompt is too long; ConfigError for invalid
   * settings
   */
  async write(requests: readonly Request[], options: ReplyOptions): Promise<Reply[]> {
    const { trace } = options;
    if (trace && options.join)
      throw new ConfigError(
        'reply: trace and join are both given; requests that join cannot be traced, so leave one out.',
      );
    const template = this.template(options.template);
    const encode = (request: Request, i: number): number[] => {
      const own = request.system === undefined ? template : { ...template, system: request.system };
      const tags = request.messages.reduce((sum, { text }) => sum + (text?.split(IMAGE_TAG).length ?? 1) - 1, 0);
      const given = picturesOf(request).length;
      if (tags !== given)
        throw new DataError(
          `reply: request ${i} has ${tags} ${IMAGE_TAG} and ${given} pictures; there must be one picture for each.`,
        );
      return encodeConversation(this.tokens, own, request.messages).ids;
    };
    const prompts = requests.map(encode);
    const replies: Reply[] = [];
    for (let from = 0; from < requests.length; from += WIDTH) {
      const part = requests.slice(from, from + WIDTH);
      const keywords = template.end.trim() === '' ? [] : [template.end];
      const textOf = ({ stop = [] }: Request) => new TextStream(this.tokens, [...keywords, ...stop]);
      const texts = part.map(textOf);
      const join = (room: number): { prompt: number[]; images: Tensor | null } | null => {
        let prompt: number[] = [];
        const request = options.join!((each) => {
          prompt = encode(each, part.length);
          const most = each.maxNewTokens ?? options.maxNewTokens;
          const { length, maxNewTokens } = positionsOf(this.model, prompt, most, part.length);
          return length + maxNewTokens <= room;
        });
        if (!request) return null;
        part.push(request);
        texts.push(textOf(request));
        return { prompt, images: this.features(picturesOf(request), false) };
      };
      const onPicture = trace?.onPicture;
      const places = part.flatMap((request, k) => picturesOf(request).map((_, i) => [from + k, i] as const));
      const seen = onPicture && ((i: number, prototypes: PrototypeTrace) => onPicture(...places[i]!, prototypes));
      const done = await this.withImages(part.flatMap(picturesOf), options.together === true, seen, (images) =>
        generate(this.model, prompts.slice(from, from + WIDTH), images, {
          ...options,
          trace: trace && { words: trace.words, onToken: (k, token) => trace.onToken(from + k, token) },
          join: options.join && join,
          eos: this.tokens.eos,
          each: (k) => ({ stream: from + k, ...settingsOf(part[k]!) }),
          onToken: (k, id) => {
            const text = texts[k]!;
            const piece = text.push(id);
            options.onText?.(from + k, text.text, piece);
            return text.stopped;
          },
          onEnd: (k, sequence) => {
            const rest = texts[k]!.end();
            if (rest !== '') options.onText?.(from + k, texts[k]!.text, rest);
            options.onReply?.(from + k, replyOf(texts[k]!, sequence));
          },
        }),
      );
      done.forEach((sequence, k) => replies.push(replyOf(texts[k]!, sequence)));
    }
    return replies;
  }

  /**
   * Describes each image, then samples `ask.questions` questions from that point independently, then answers each of
   * them. With `ask.candidates` of n above 1, n questions are sampled and answered in place of each, and the one whose
   * answer has the highest probability under the model is kept; callbacks for it are made when it is chosen.
   */
  selfQuestion(
    pictures: readonly Float32Array[],
    ask: AskConfig,
    seed: number,
    options?: SelfQuestionOptions,
  ): Promise<SelfQuestioning[]> {
    return selfQuestion(this.write.bind(this), pictures, ask, seed, options);
  }

  /**
   * Lets the model describe each image and ask and answer questions of its own, presents these to it as turns of the
   * human, and asks the question last (docs/sq-llava.md 5.3). `options` are those of the last answer.
   */
  answerAfterQuestions(
    entries: readonly QuestionedImage[],
    ask: AskConfig,
    seed: number,
    options: AfterQuestionsOptions,
  ): Promise<(SelfQuestioning & { readonly answer: string })[]> {
    return answerAfterQuestions(this.write.bind(this), entries, ask, seed, options);
  }

  /** The prompt of a request, as text. */
  promptText({ system, messages }: Pick<Request, 'system' | 'messages'>, name?: TemplateName): string {
    const template = this.template(name);
    return renderConversation(system === undefined ? template : { ...template, system }, messages);
  }

  /** The chat template, or another by name. */
  private template(name: TemplateName | undefined): Template {
    const { config } = this.model;
    return templateOf(name === undefined ? config : { ...config, template: name, systemText: null });
  }

  /**
   * Features of the images in order, which exist while `use` runs; a repeated image is encoded once.
   * @param onPicture called with the prototypes of each image, before `use`
   */
  private async withImages<T>(
    pictures: readonly Float32Array[],
    together: boolean,
    onPicture: ((i: number, prototypes: PrototypeTrace) => void) | undefined,
    use: (images: Tensor | null) => Promise<T>,
  ): Promise<T> {
    const reads: Promise<PrototypeTrace[]>[] = [];
    const images = this.features(pictures, together, onPicture && ((one) => void reads.push(readPrototypes(one))));
    try {
      const seen = [...new Set(pictures)];
      const prototypes = (await Promise.all(reads)).flat();
      if (prototypes.length > 0) pictures.forEach((pixels, i) => onPicture?.(i, prototypes[seen.indexOf(pixels)]!));
      return await use(images);
    } finally {
      images?.dispose();
    }
  }

  private features(
    pictures: readonly Float32Array[],
    together: boolean,
    onAssignment?: AssignmentListener,
  ): Tensor | null {
    if (pictures.length === 0) return null;
    const { gpu } = this.model;
    const seen = [...new Set(pictures)];
    const encode = (pixels: Float32Array): Tensor =>
      this.model.encodeImages(imageTensor(this.model, pixels), onAssignment);
    return gpu.scope(() =>
      noGrad(() => {
        const features = together ? encode(joined(seen)) : cat(seen.map(encode), { axis: 0 });
        if (seen.length === pictures.length) return features;
        const places = Int32Array.from(pictures, (pixels) => seen.indexOf(pixels));
        return indexSelect(features, tensor(gpu, places), { axis: 0 });
      }),
    );
  }
}

/** The settings of an individual request. */
function settingsOf({
  pixels: _,
  messages: __,
  system: ___,
  stop: ____,
  ...settings
}: Request): Partial<SequenceOptions> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function replyOf(text: TextStream, { finish, ids, promptTokens, probability }: Sequence): Reply {
  const reason = finish === 'stopped' ? (text.stopped ? 'keyword' : 'aborted') : finish;
  return {
    text: text.text,
    finish: reason,
    promptTokens,
    newTokens: ids.length,
    ...(probability !== undefined && { probability }),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}
