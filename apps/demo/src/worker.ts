/** @file The model, off the page's thread: loads it, answers, asks itself, and streams what it writes. */
import { openGpu } from '@curio/engine';
import { aboutImage, openModel, preprocessImage, PRESETS, readPreprocessorConfig, Speaker, Tokens, VUSER_TOKEN } from '@curio/model';
import type { AskConfig, ImageConfig, Message, ModelConfig } from '@curio/model';
import { memorySource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';
import type { FromWorker, Part, Picture, ToWorker } from './protocol.ts';

const say = (message: FromWorker): void => postMessage(message);

interface Opened { readonly speaker: Speaker; readonly tokens: Tokens; readonly image: ImageConfig; readonly ask: AskConfig }
let opened: Opened | null = null;

/** A folder of the server. */
function remoteFolder(path: string): ByteFolder {
  return {
    name: path,
    open: async (name) => {
      const response = await fetch(`${path}/${name}`);
      if (!response.ok) return undefined;
      return memorySource(name, new Uint8Array(await response.arrayBuffer()));
    },
  };
}

async function remoteJson<T>(path: string): Promise<T | null> {
  const response = await fetch(path);
  return response.ok ? ((await response.json()) as T) : null;
}

async function open(base: string): Promise<void> {
  const at = (path: string): string => new URL(`model/${path}`, base).href;
  if (!navigator.gpu) throw new Error('no-webgpu');
  const gpu = await openGpu();
  const run = await remoteJson<{ model: ModelConfig; ask: AskConfig }>(at('run/config.json'));
  const { model: config, ask } = run ?? PRESETS.small;
  say({ kind: 'loading', label: 'weights', done: 0, total: 1 });
  const { model } = await openModel(gpu, config, {
    language: remoteFolder(at('language')), vision: remoteFolder(at('vision')), adapter: remoteFolder(at('adapter')), visionAdapter: remoteFolder(at('adapter/Vit-lora')),
  }, { onTensor: (done, total) => say({ kind: 'loading', label: 'weights', done, total }) });
  const tokenizer = await remoteJson<object>(at('language/tokenizer.json'));
  const settings = await remoteJson<Record<string, unknown>>(at('vision/preprocessor_config.json'));
  if (!tokenizer || !settings) throw new Error('The base is not there: model/language/tokenizer.json or model/vision/preprocessor_config.json is missing.');
  const tokens = new Tokens(tokenizer, { extra: config.vusr === 'token' ? [VUSER_TOKEN] : [] });
  opened = { speaker: new Speaker(model, tokens), tokens, image: readPreprocessorConfig(settings, 'pad'), ask };
  const summary = await remoteJson<{ answers: { overall: number } | null }>(at('run/summary.json'));
  const { description, vendor, architecture } = gpu.adapter;
  say({ kind: 'ready', adapter: description || `${vendor} ${architecture}`, accuracy: summary?.answers?.overall ?? null });
}

/** Continues one conversation and streams its text with the rate of writing. */
async function write(id: number, part: Part, index: number, pixels: Float32Array, messages: Message[], options: { maxNewTokens: number; temperature?: number; topK?: number; topP?: number; seed?: number }): Promise<string> {
  const { speaker, tokens } = opened!;
  const start = performance.now();
  const rate = (text: string): number => tokens.encode(text).length / Math.max(1e-3, (performance.now() - start) / 1000);
  const [text] = await speaker.reply([{ pixels, messages }], { ...options, onText: (_, so) => say({ kind: 'text', id, part, index, text: so, rate: rate(so) }) });
  say({ kind: 'text', id, part, index, text: text!, rate: rate(text!) });
  return text!;
}

async function answer(id: number, picture: Picture, question: string): Promise<void> {
  const { image, ask } = opened!;
  await write(id, 'answer', 0, preprocessImage(picture, image), [{ role: 'human', text: aboutImage(question) }, { role: 'gpt', text: null }], { maxNewTokens: ask.maxAnswer });
}

/** Describes, then draws questions from that point independently, and answers each. */
async function selfQuestion(id: number, picture: Picture, questions: number, seed: number): Promise<void> {
  const { image, ask } = opened!;
  const pixels = preprocessImage(picture, image);
  const opening: Message = { role: 'human', text: aboutImage(ask.describePrompt) };
  const description = await write(id, 'description', 0, pixels, [opening, { role: 'gpt', text: null }], { maxNewTokens: ask.maxDescription });
  const said: Message[] = [opening, { role: 'gpt', text: description }];
  for (let k = 0; k < questions; k++) {
    const sampling = { temperature: ask.temperature, topK: ask.topK || undefined, topP: ask.topP, seed: seed + k };
    const question = await write(id, 'question', k, pixels, [...said, { role: 'vuser', text: null }], { maxNewTokens: ask.maxQuestion, ...sampling });
    await write(id, 'self-answer', k, pixels, [...said, { role: 'vuser', text: question }, { role: 'gpt', text: null }], { maxNewTokens: ask.maxAnswer });
  }
}

/** One request after the other: the model's cache serves one conversation at a time. */
let queue: Promise<void> = Promise.resolve();

onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  const id = data.kind === 'open' ? null : data.id;
  queue = queue.then(async () => {
    if (data.kind === 'open') return open(data.base);
    if (data.kind === 'ask') await answer(data.id, data.picture, data.question);
    else await selfQuestion(data.id, data.picture, data.questions, data.seed);
    say({ kind: 'done', id: data.id });
  }).catch((error: Error) => say({ kind: 'failed', id, message: error.message }));
};
