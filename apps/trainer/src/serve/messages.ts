/** @file The messages of a chat completion, with pictures as data URLs, as turns of a conversation. */
import { CurioError } from '@curio/engine';
import type { Message, Picture, Request } from '@curio/model';
import { z } from 'zod';
import { decodeImage } from '../data/decode.ts';
import { ApiError } from './api-error.ts';

const text = z.strictObject({ type: z.literal('text'), text: z.string() });
const image = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string(), detail: z.enum(['auto', 'low', 'high']).nullish() }),
});
export const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(z.discriminatedUnion('type', [text, image])).min(1)]),
});
type Given = z.infer<typeof message>;

/** An optional system text, then alternating user and assistant, ending with the user. @throws ApiError otherwise */
export async function readMessages(
  given: readonly Given[],
  prepare: (picture: Picture) => Float32Array,
): Promise<Pick<Request, 'system' | 'messages' | 'pixels'>> {
  const first = given[0]!;
  const system = ['system', 'developer'].includes(first.role) ? textOf(first, 'messages.0') : undefined;
  const messages: Message[] = [];
  const pixels: Float32Array[] = [];
  for (const [i, each] of given.entries()) {
    if (i === 0 && system !== undefined) continue;
    const where = `messages.${i}`;
    const wanted = messages.length % 2 === 0 ? 'user' : 'assistant';
    if (each.role !== wanted)
      throw new ApiError(
        400,
        `${where}.role is '${each.role}' and must be '${wanted}'; a system message may come first, then user and assistant alternate.`,
        `${where}.role`,
      );
    const urls = urlsOf(each);
    if (wanted === 'assistant' && urls.length > 0)
      throw new ApiError(400, `${where}: an assistant message has a picture; only user messages may.`, where);
    for (const url of urls) pixels.push(prepare(await decodeUrl(url, where)));
    const said = `${'<image>\n'.repeat(urls.length)}${textOf(each, where)}`;
    messages.push({ role: wanted === 'user' ? 'human' : 'gpt', text: said.trim() });
  }
  if (messages.length % 2 === 0)
    throw new ApiError(400, "messages: the last one is not the user's, so there is nothing to answer.", 'messages');
  return { system, messages: [...messages, { role: 'gpt', text: null }], pixels };
}

function urlsOf({ content }: Given): string[] {
  if (typeof content === 'string') return [];
  return content.flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []));
}

function textOf({ content }: Given, where: string): string {
  const said =
    typeof content === 'string'
      ? content
      : content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  if (said.includes('<image>'))
    throw new ApiError(
      400,
      `${where}: the text says <image>, which is the placeholder of a picture; give pictures as image_url.`,
      where,
    );
  return said;
}

async function decodeUrl(url: string, where: string): Promise<Picture> {
  const found = /^data:image\/[\w.+-]+;base64,([A-Za-z0-9+/\s]+={0,2})$/.exec(url);
  if (!found)
    throw new ApiError(
      400,
      `${where}: the image is '${url.length > 40 ? `${url.slice(0, 40)}…` : url}'; it must be a data URL such as data:image/png;base64,…, since the server fetches nothing.`,
      where,
    );
  try {
    return await decodeImage(Buffer.from(found[1]!, 'base64'), where);
  } catch (error) {
    throw error instanceof CurioError ? new ApiError(400, error.message, where) : error;
  }
}
