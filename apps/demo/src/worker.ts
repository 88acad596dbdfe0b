/** @file The model, off the page's thread: loads it, answers, asks itself, and streams the texts. */
import { DeviceError, openGpu, precompile } from '@curio/engine';
import {
  aboutImage,
  bareModel,
  openModel,
  preprocessImage,
  readPreprocessorConfig,
  SMALL,
  Speaker,
  Tokens,
  VUSER_TOKEN,
} from '@curio/model';
import type { AskConfig, Message, ModelConfig, Picture, Reply, ReplyTrace, SqLlava, TalkPart } from '@curio/model';
import { ModelFiles } from './files.ts';
import { runStages } from './how/run-stages.ts';
import type { Stage } from './how/run-stages.ts';
import { tracesFor } from './inside/messages.ts';
import type { Part } from './inside/messages.ts';
import type { ToSwaps } from './lab/messages.ts';
import type { Swaps } from './lab/swaps.ts';
import type { Learner } from './learning/learner.ts';
import type { ToLearner } from './learning/messages.ts';
import type { Workshop } from './learning/workshop.ts';
import type { Closed, FromWorker, Summary, ToWorker } from './protocol.ts';
import { browserTuning } from './tuning-store.ts';
import { Turns } from './turns.ts';

interface Talker {
  readonly speaker: Speaker;
  readonly ask: AskConfig;
  readonly prepare: (picture: Picture) => Float32Array;
}
let talker: Talker | null = null;
/** One for each waiting or running job, so that a stop ends the intended job. */
const stops = new Map<number, AbortController>();

const say = (message: FromWorker): void => postMessage(message);
const loading = (label: string, share: number | null = null): void => say({ kind: 'loading', label, share });

/** Ends the opening for a reason that the page can explain. */
class OpeningError extends Error {
  constructor(
    readonly reason: Closed,
    message: string,
  ) {
    super(message);
  }
}

async function open(address: string): Promise<Workshop> {
  const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
  // While a device is requested, which takes about as long.
  const fetching = ModelFiles.fetch(address, (done, total) =>
    loading(`Loading the model: ${mega(done)} of ${mega(total)} MB`, done / total),
  );
  fetching.catch(() => {}); // reported below, unless there is no device at all
  loading('Looking for a device');
  const gpu = await openGpu({ tune: 'measured', tuningStore: browserTuning }).catch((error: Error) => {
    const reason = !('gpu' in navigator) ? 'no-webgpu' : error instanceof DeviceError ? 'no-adapter' : 'error';
    throw new OpeningError(reason, error.message);
  });
  // On a software adapter the static table is right, and a visitor would wait for every measurement.
  if (gpu.adapter.isSoftware) gpu.kernels.dropTuner();
  void gpu.lost.then(({ message }) => say({ kind: 'closed', reason: 'lost', message }));
  const files = await fetching;
  const [language, vision, adapter] = ['language', 'vision', 'adapter'].map((name) => files.folder(name));
  const tokenizer = await files.json<object>('language/tokenizer.json');
  const settings = await files.json<Record<string, unknown>>('vision/preprocessor_config.json');
  if (!language || !vision || !tokenizer || !settings)
    throw new OpeningError(
      'no-base',
      'page: the server has no base model; apps/trainer/base should hold language/ and vision/.',
    );
  const run = (await files.json<{ model: ModelConfig; ask: AskConfig }>('run/config.json')) ?? SMALL;
  // Settings that an earlier version did not write are those of the preset.
  const [config, ask] = [run.model, { ...SMALL.ask, ...run.ask }];
  const tokens = new Tokens(tokenizer, {
    extra: config.vusr === 'token' ? [VUSER_TOKEN] : [],
    rows: config.language.vocabSize,
  });
  const image = readPreprocessorConfig(settings, 'pad', config.vision.imageSize);
  const prepare = (picture: Picture): Float32Array => preprocessImage(picture, image);
  const side = config.vision.imageSize;
  const blank = prepare({ width: side, height: side, rgb: new Uint8Array(3 * side * side) });
  const answerBlank = (model: SqLlava): Promise<void> =>
    answer(new Speaker(model, tokens), blank, ask.describePrompt, { maxNewTokens: 3 });
  // Kernels would be compiled at their first use: better while the weights arrive than during the first answer.
  const compiling = precompile(gpu, (dry) => answerBlank(bareModel(dry, config)));
  compiling.catch(() => {}); // reported below, unless the model does not load
  const { model } = await openModel(
    gpu,
    config,
    { language, vision, adapter, visionAdapter: files.folder('adapter/Vit-lora') },
    {
      onTensor: (done, total) => loading('Uploading the weights to the device', done / total),
    },
  );
  loading('Compiling the kernels');
  await compiling;
  if (gpu.kernels.tuner) {
    // A real GPU is measured once; the result is remembered.
    loading('Measuring the kernels');
    await answerBlank(model);
    await gpu.kernels.tuner.measure();
  }
  const talkWith = (talking: SqLlava): void => void (talker = { speaker: new Speaker(talking, tokens), ask, prepare });
  talkWith(model);
  const { description, vendor, architecture, isSoftware } = gpu.adapter;
  say({
    kind: 'ready',
    device: description || `${vendor} ${architecture}`.trim() || 'a device without a name',
    isSoftware,
    parameters: model.parameters.reduce((sum, { size }) => sum + size, 0),
    summary: adapter ? await files.json<Summary>('run/summary.json') : null,
  });
  return { gpu, model, tokens, ask, prepare, turns, talkWith, folder: (name) => files.folder(name) };
}

/** Reports how each text grows, with the number of tokens so far and the time since the first. */
function streamTo(id: number): (part: Part, index: number, text: string) => void {
  let [tokens, since] = [0, 0];
  return (part, index, text) => {
    const now = performance.now();
    if (tokens++ === 0) since = now;
    say({ kind: 'text', id, part, index, text: text.trim(), tokens, seconds: (now - since) / 1000 });
  };
}

interface AnswerOptions {
  readonly maxNewTokens: number;
  readonly signal?: AbortSignal;
  readonly onText?: (text: string) => void;
  readonly onReply?: (reply: Reply) => void;
  readonly trace?: ReplyTrace;
}

async function answer(
  speaker: Speaker,
  pixels: Float32Array,
  question: string,
  { maxNewTokens, signal, onText, onReply, trace }: AnswerOptions,
): Promise<void> {
  const messages: Message[] = [
    { role: 'human', text: aboutImage(question) },
    { role: 'gpt', text: null },
  ];
  await speaker.reply([{ pixels, messages }], {
    ...{ maxNewTokens, signal, trace, probability: true },
    onText: (_, text) => onText?.(text),
    onReply: (_, reply) => onReply?.(reply),
  });
}

const partOf = (part: TalkPart): Part => (part === 'answer' ? 'self-answer' : part);

type Job = Extract<ToWorker, { readonly kind: 'ask' | 'self' | 'how' }>;

async function run(job: Job, signal: AbortSignal): Promise<void> {
  const { speaker, prepare, ask } = talker!;
  if (job.kind === 'how') {
    const tell = (stage: Stage): void => say({ kind: 'stage', id: job.id, stage });
    return runStages(speaker, ask, prepare(job.picture), signal, tell);
  }
  const tell = streamTo(job.id);
  const tellSure = (part: Part, index: number, { probability = 1 }: Reply): void =>
    say({ kind: 'sure', id: job.id, part, index, probability });
  const traces = job.trace ? tracesFor(job.id, speaker.tokens, say) : null;
  if (job.kind === 'ask') {
    const maxNewTokens = job.question === ask.describePrompt ? ask.maxDescription : ask.maxAnswer;
    await answer(speaker, prepare(job.picture), job.question, {
      ...{ maxNewTokens, signal, trace: traces?.reply },
      onText: (text) => tell('answer', 0, text),
      onReply: (reply) => tellSure('answer', 0, reply),
    });
  } else
    await speaker.selfQuestion([prepare(job.picture)], { ...ask, questions: job.questions }, job.seed, {
      ...{ signal, trace: traces?.self, probability: true },
      onText: (part, index, text) => tell(partOf(part), index, text),
      onEnd: (part, index, reply) => tellSure(partOf(part), index, reply),
    });
}

/** One request at a time: the model's cache serves one conversation at a time. */
const turns = new Turns();
let workshop: Promise<Workshop> | null = null;

/** The training code is loaded on demand. */
let learner: Promise<Learner> | null = null;
function learn(message: ToLearner): void {
  const opened = workshop;
  learner ??= import('./learning/learner.ts').then(
    async ({ Learner }) => new Learner(await opened!, (said) => say({ kind: 'learning', said })),
  );
  learner.then(
    (it) => it.hear(message),
    () => {
      learner = null;
      const text = 'The training code could not be loaded; check the connection and try again.';
      say({ kind: 'learning', said: { kind: 'notice', text } });
    },
  );
}

/** The visitor's kernels, which come with the lab. */
let swaps: Promise<Swaps> | null = null;
function swap(message: ToSwaps): void {
  const opened = workshop;
  swaps ??= import('./lab/swaps.ts').then(async ({ Swaps }) => new Swaps(await opened!, say));
  swaps
    .then((it) => it.use(message.swap))
    .catch((error: Error) => {
      swaps = null;
      say({ kind: 'swapped', kernels: [], message: error.message });
    });
}

async function begin(job: Job): Promise<void> {
  const stop = new AbortController();
  stops.set(job.id, stop);
  const end = await turns.take();
  try {
    if (!stop.signal.aborted) await run(job, stop.signal);
    say({ kind: 'done', id: job.id });
  } catch (error) {
    say({ kind: 'failed', id: job.id, message: (error as Error).message });
  } finally {
    stops.delete(job.id);
    end();
    void swaps?.then((it) => it.tell());
  }
}

self.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  if (data.kind === 'stop') stops.get(data.id)?.abort();
  else if (data.kind === 'learn') learn(data.message);
  else if (data.kind === 'swap') swap(data);
  else if (data.kind === 'open') {
    workshop = open(data.model);
    workshop.catch((error: Error) =>
      say({ kind: 'closed', reason: error instanceof OpeningError ? error.reason : 'error', message: error.message }),
    );
  } else void begin(data);
};
