/** @file The readers that mutants are fed to, and what counts as a fault of one. */
import { CurioError } from '@curio/engine';
import {
  openSamples,
  readModelConfig,
  SentencePiece,
  TOKEN_RULES,
  Tokens,
  openTokens,
  type IndexStore,
} from '@curio/model';
import {
  memorySource,
  openSafetensors,
  openTorchFile,
  openWeightFolder,
  type ByteFolder,
  type ByteSource,
  type StoredTensor,
  type TensorMap,
} from '@curio/nn';
import { ascii, damaged, Draw, joined } from './draw.ts';
import { jsonMutant } from './json-mutants.ts';
import { CONFIGS, DATA_SETS, TOKENIZERS } from './json-samples.ts';
import { safetensorsMutant, shardsMutant } from './safetensors-mutants.ts';
import { strangeText, tokenizerMutant } from './tokenizer-mutants.ts';
import { torchMutant } from './torch-mutants.ts';

export const READERS = [
  'torch',
  'safetensors',
  'shards',
  'tokenizer',
  'tokenizer.json',
  'config.json',
  'data',
  'parquet',
] as const;
export type ReaderName = (typeof READERS)[number];

/** Bytes that a reader may ask for while it reads one mutant, of a few hundred kilobytes at most. */
const MOST_READ = 64_000_000;
/** Characters of a sentence. */
const LONGEST = 400;

/** What a mutant led to: it opened, or was refused; `fault` where neither may happen so. */
export interface Outcome {
  readonly refused: string | null;
  readonly fault: string | null;
  /** Milliseconds that the reader took. */
  readonly ms: number;
}

/** Makes a mutant; what it answers feeds it to the reader. */
type Make = (draw: Draw) => (counted: (source: ByteSource) => ByteSource) => Promise<void>;

/** What mutants are made of. */
export interface Samples {
  /** Files that torch.save wrote. */
  readonly torch: readonly Uint8Array[];
  /** A `tokenizer.model`. */
  readonly tokenizer: Uint8Array;
  /** Data sets that pyarrow wrote. */
  readonly parquet: readonly Uint8Array[];
}

/** The function that runs the mutant of a seed through a reader. */
export function openReader(name: ReaderName, samples: Samples): (seed: number) => Promise<Outcome> {
  const make = MAKERS[name](samples);
  return async (seed) => {
    let read = 0;
    const counted = (source: ByteSource): ByteSource => ({
      ...source,
      read: (offset, length) => {
        read += length;
        return source.read(offset, length);
      },
    });
    let refused: string | null = null;
    let fault: string | null = null;
    const feed = make(new Draw(seed));
    const began = performance.now();
    try {
      await feed(counted);
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error);
      fault = faultOf(error);
    }
    const ms = performance.now() - began;
    if (read > MOST_READ) fault = `it read ${read} bytes`;
    return { refused, fault, ms };
  };
}

function faultOf(error: unknown): string | null {
  if (!(error instanceof CurioError)) return `no error of its own: ${String(error).slice(0, LONGEST)}`;
  const { message } = error;
  if (message.length > LONGEST) return `${message.length} characters: ${message.slice(0, LONGEST)}`;
  if (!/^[\w./-]+: [^\p{Cc}\p{Zl}\p{Zp}]*\.$/u.test(message))
    return `no sentence on one line: ${JSON.stringify(message)}`;
  return /undefined|NaN|\[object/.test(message) ? `a value that is none: ${message}` : null;
}

async function readAll(tensors: TensorMap): Promise<void> {
  for (const [name, { dtype, shape, read, readRange, quantised }] of tensors) {
    const bytes = await read();
    const part = await readRange?.(0, Math.min(bytes.length, 4));
    if (part?.some((byte, i) => byte !== bytes[i])) throw new TypeError(`${name}: a part differs from the whole`);
    const count = shape.reduce((product, size) => product * size, 1);
    if (quantised) {
      const { storage, groupSize, scales, blocks, columns } = quantised;
      const bytesOf = async (part?: StoredTensor): Promise<number | undefined> => (await part?.read())?.length;
      const got = [bytes.length, ...(await Promise.all([scales, blocks, columns].map(bytesOf)))];
      const groups = count / groupSize;
      const right = [
        storage === 'int8' ? count : count / 2,
        groups * (blocks ? 1 : 4),
        blocks && 8 * Math.ceil(groups / 256),
        columns && 4 * shape[1]!,
      ];
      if (got.join() !== right.join())
        throw new TypeError(`${name}: ${storage} of ${got.join()} bytes, not ${right.join()}`);
    } else if (count > bytes.length)
      throw new TypeError(`${name}: ${dtype} [${shape.join()}] gave ${bytes.length} bytes`);
  }
}

const folderOf = (name: string, files: Readonly<Record<string, Uint8Array>>): ByteFolder => ({
  name,
  open: async (file) => {
    const bytes = Object.hasOwn(files, file) ? files[file] : undefined;
    return bytes && memorySource(file, bytes);
  },
});

/** Encodes a text and decodes what came, and ids of all kinds. */
function useTokens(tokens: Tokens, draw: Draw): void {
  const ids = tokens.encode(strangeText(draw));
  if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < tokens.vocabSize))
    throw new TypeError(`ids ${ids.slice(0, 9).join()} in a vocabulary of ${tokens.vocabSize}`);
  tokens.decode([...ids, ...Array.from({ length: 50 }, () => draw.below(tokens.vocabSize))]);
}

/** Opens a data set, also by an index that was kept, and reads every sample, and what is wrong with other entries. */
async function readSamples(source: ByteSource, draw: Draw): Promise<void> {
  let kept: Uint8Array | null = null;
  const index: IndexStore = { stamp: 'a', load: async () => kept, save: async (bytes) => void (kept = bytes) };
  const first = await openSamples('data.json', source, { index });
  kept = kept && damaged(kept, draw);
  const again = await openSamples('data.json', source, { index });
  if (again.length !== first.length) throw new TypeError(`${first.length} samples, then ${again.length}`);
  for (let i = 0; i < first.length; i++) await again.read(i);
  let told = 0;
  for await (const { reason } of again.faults()) {
    if (reason.length > LONGEST || /undefined|NaN|\[object/.test(reason)) throw new TypeError(`reason: ${reason}`);
    if (++told === 100) break; // a file of nothing else has hundreds of thousands
  }
}

const MAKERS: Readonly<Record<ReaderName, (samples: Samples) => Make>> = {
  torch: (samples) => (draw) => {
    const file = torchMutant(samples.torch, draw);
    return async (counted) => readAll(await openTorchFile(counted(memorySource('x.bin', file))));
  },
  safetensors: () => (draw) => {
    const file = safetensorsMutant(draw);
    return async (counted) => readAll((await openSafetensors(counted(memorySource('x.safetensors', file)))).tensors);
  },
  shards: () => (draw) => {
    const files = shardsMutant(draw);
    return async (counted) => {
      const folder: ByteFolder = {
        name: 'base',
        open: async (name) => {
          if (/[/\\]|^\.*$/.test(name)) throw new TypeError(`'${name}' leaves the folder`);
          const bytes = files.get(name);
          return bytes && counted(memorySource(name, bytes));
        },
      };
      await readAll(await openWeightFolder(folder));
    };
  },
  tokenizer: (samples) => (draw) => {
    const file = tokenizerMutant(samples.tokenizer, draw);
    return async () => useTokens(new Tokens(SentencePiece.read(file), { rule: draw.pick(TOKEN_RULES) }), draw);
  },
  'tokenizer.json': () => (draw) => {
    const file = jsonMutant(draw.pick(TOKENIZERS), draw);
    const rows = draw.chance(0.5) ? 11 : undefined;
    return async () => useTokens(await openTokens(folderOf('base', { 'tokenizer.json': file }), { rows }), draw);
  },
  'config.json': () => (draw) => {
    const which = draw.pick(['language', 'tower'] as const);
    const config = (part: 'language' | 'tower'): ByteFolder =>
      folderOf(part, {
        'config.json': part === which ? jsonMutant(CONFIGS[part], draw) : Uint8Array.from(ascii(CONFIGS[part])),
      });
    const files = { language: config('language'), vision: config('tower') };
    return async () => void (await readModelConfig(files));
  },
  data: () => (draw) => {
    const sample = draw.pick(DATA_SETS);
    const lines = (JSON.parse(sample) as object[]).map((entry) => jsonMutant(JSON.stringify(entry), draw));
    const file = draw.chance(0.5) ? jsonMutant(sample, draw) : joined(lines.flatMap((line) => [line, [0x0a]]));
    return async (counted) => readSamples(counted(memorySource('data.json', file)), draw);
  },
  parquet: (samples) => (draw) => {
    const file = damaged(draw.pick(samples.parquet), draw);
    return async (counted) => readSamples(counted(memorySource('data.json', file)), draw);
  },
};
