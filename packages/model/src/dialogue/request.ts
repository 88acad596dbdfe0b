/** @file Requests to a model and its replies. */
import type { Message, TemplateName } from '../data/conversation.ts';
import { IMAGE_TAG } from '../data/tokens.ts';
import type { PrototypeTrace, TokenTrace, TraceOptions } from '../decoding/trace.ts';
import type { GenerateOptions, SequenceOptions } from '../generate.ts';

/** A prompt to continue: the messages so far, ending with one of null text, and their images. */
export interface Request extends Partial<SequenceOptions> {
  /** One image per `<image>` of the messages, in the same order. */
  readonly pixels: Float32Array | readonly Float32Array[] | null;
  readonly messages: readonly Message[];
  /** Replaces the template's system text. */
  readonly system?: string;
  /** Stop strings: the answer ends before the first of them, or at the template's end of turn. */
  readonly stop?: readonly string[];
}

export interface Reply {
  readonly text: string;
  /** Why it ended: at the end of the turn, at a stop string, at the maximum length, or because it was aborted. */
  readonly finish: 'end' | 'keyword' | 'length' | 'aborted';
  readonly promptTokens: number;
  readonly newTokens: number;
  /** With the option `probability`: that of the text under the model, including its end. */
  readonly probability?: number;
}

/** Listens to what the model computes for the replies. */
export interface ReplyTrace extends Pick<TraceOptions, 'words'> {
  /**
   * Called for each picture of a request, before its tokens. Never called if the model has no prototypes.
   * @param picture its index in the request
   */
  readonly onPicture?: (request: number, picture: number, prototypes: PrototypeTrace) => void;
  /** Called with each new token of a request, before its text. */
  readonly onToken: (request: number, token: TokenTrace) => void;
}

export interface ReplyOptions extends SequenceOptions, Pick<GenerateOptions, 'together' | 'probability'> {
  /** Called with each new token of a request: the definite part of the answer so far, and what is new in it. */
  readonly onText?: (request: number, text: string, piece: string) => void;
  /** Called when a request is answered. */
  readonly onReply?: (request: number, reply: Reply) => void;
  /** Default: the model's own. */
  readonly template?: TemplateName;
  /**
   * Called whenever a row is free, for a further request to join; indices continue those of the given requests, of
   * which there may be at most 64. `fits` returns whether there is room for a request, and throws DataError as `write`
   * does.
   */
  readonly join?: (fits: (request: Request) => boolean) => Request | null;
  /** Without it nothing more is computed, and the replies are identical to the bit. */
  readonly trace?: ReplyTrace;
}

/** The first human turn about an image. */
export const aboutImage = (question: string): string => `${IMAGE_TAG}\n${question}`;

export const picturesOf = ({ pixels }: Request): readonly Float32Array[] =>
  pixels === null ? [] : pixels instanceof Float32Array ? [pixels] : pixels;
