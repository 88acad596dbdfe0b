/** @file Turns the body of a chat completion into requests. Every field is obeyed or refused, never ignored. */
import type { Picture, Request, Speaker, TemplateName } from '@curio/model';
import { z } from 'zod';
import { ApiError } from './api-error.ts';
import { message, readMessages } from './messages.ts';

const body = z.strictObject({
  model: z.string(),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** Not OpenAI's, but common in other servers. */
  top_k: z.int().min(0).nullish(),
  seed: z.int().min(0).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  n: z.int().min(1).max(16).nullish(),
  /** Fields that are accepted only with the values that are the behaviour anyway. */
  frequency_penalty: z.literal(0).nullish(),
  presence_penalty: z.literal(0).nullish(),
  logprobs: z.literal(false).nullish(),
  response_format: z.strictObject({ type: z.literal('text') }).nullish(),
  store: z.literal(false).nullish(),
  user: z.string().nullish(),
});
type Body = z.infer<typeof body>;
type Issue = z.core.$ZodIssue;

/** A model, requested by its name. */
export interface ServedModel {
  readonly name: string;
  readonly speaker: Pick<Speaker, 'write'>;
  readonly prepare: (picture: Picture) => Float32Array;
}

/** A speaker with another template than its model's own; undefined: the model's. */
export const inTemplate = (
  speaker: ServedModel['speaker'],
  template: TemplateName | undefined,
): ServedModel['speaker'] =>
  template === undefined
    ? speaker
    : { write: (requests, options) => speaker.write(requests, { ...options, template }) };

export interface Completion {
  readonly model: ServedModel;
  /** One per requested answer. */
  readonly requests: readonly Request[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

export interface CompletionDefaults {
  readonly models: readonly ServedModel[];
  readonly maxTokens: number;
  readonly topP: number;
}

/** @throws ApiError that names the field */
export async function readCompletion(
  json: unknown,
  { models, maxTokens, topP }: CompletionDefaults,
): Promise<Completion> {
  const given = parse(json);
  const model = models.find(({ name }) => name === given.model);
  if (!model)
    throw new ApiError(
      404,
      `model is '${given.model}' and this server has ${models.map(({ name }) => `'${name}'`).join(', ')}; ask for ${models.length > 1 ? 'one of those' : 'that one'}.`,
      'model',
      'model_not_found',
    );
  const request: Request = {
    ...(await readMessages(given.messages, model.prepare)),
    maxNewTokens: given.max_completion_tokens ?? given.max_tokens ?? maxTokens,
    temperature: given.temperature ?? 1,
    topK: given.top_k || undefined,
    topP: given.top_p ?? topP,
    seed: given.seed ?? Math.floor(Math.random() * 2 ** 32),
    stop: given.stop == null ? [] : [given.stop].flat(),
  };
  return {
    model,
    requests: Array.from({ length: given.n ?? 1 }, (_, stream) => ({ ...request, stream })),
    stream: given.stream === true,
    includeUsage: given.stream_options?.include_usage === true,
  };
}

function parse(json: unknown): Body {
  const parsed = body.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = nearest(parsed.error.issues[0]!);
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const param = [...issue.path, ...keys.slice(0, 1)].join('.') || null;
  if (keys.length > 0)
    throw new ApiError(400, `${param}: this server does not know it; leave it out.`, param, 'unknown_parameter');
  const wrong = issue.message.replace('Invalid input: ', '').replace('Invalid option: ', '');
  throw new ApiError(400, `${param ?? 'the body'}: ${wrong}.`, param);
}

/** For a field with several allowed kinds, the fault with respect to the closest one. */
function nearest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flatMap((each) => each.slice(0, 1))
    .sort((a, b) => b.path.length - a.path.length)
    .find(({ path }) => path.length > 0);
  return inner ? nearest({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}
