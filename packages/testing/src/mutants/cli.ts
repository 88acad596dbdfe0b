/**
 * @file Feeds mutants to the readers of files, `npm run mutants -- 10000 [reader …] [--from SEED]`: each must open or
 * be refused in one short sentence, within a second and 64 MB. Works in a worker whose heap is bounded, under a watch
 * that ends it where it hangs.
 */
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { memorySource, openSafetensors } from '@curio/nn';
import { openReader, READERS, type ReaderName } from './readers.ts';

const MOST_MS = 1000;
const MOST_MB = 64;

interface Task {
  readonly reader: ReaderName;
  readonly from: number;
  readonly count: number;
  /** Seed at work and the time it began at, in milliseconds. */
  readonly clock: Float64Array;
}
interface Done {
  readonly refused: number;
  readonly slowest: number;
  readonly largest: number;
}
type Word = { readonly fault: string; readonly seed: number } | { readonly done: Done };

/** Tensors of bytes in a golden file whose names begin with `prefix`. */
async function golden(name: string, prefix: string): Promise<Uint8Array[]> {
  const bytes = new Uint8Array(readFileSync(new URL(`../../golden/${name}.safetensors`, import.meta.url)));
  const { tensors } = await openSafetensors(memorySource(name, bytes));
  return Promise.all([...tensors].filter(([tensor]) => tensor.startsWith(prefix)).map(([, stored]) => stored.read()));
}

async function work({ reader, from, count, clock }: Task): Promise<void> {
  const say = (word: Word): void => parentPort!.postMessage(word);
  const [tokenizer] = await golden('sentence-piece', 'file.');
  const parquet = ['llava', 'messages'].map(
    (name) => new Uint8Array(readFileSync(new URL(`../../golden/${name}.parquet`, import.meta.url))),
  );
  const run = openReader(reader, { torch: await golden('torch-files', 'file.'), tokenizer, parquet });
  // What is made once (tables, compiled code) is not the mutants'.
  for (let seed = 0; seed < 5; seed++) await run(1e9 + seed);
  const base = process.resourceUsage().maxRSS;
  let [refused, slowest, largest] = [0, 0, 0];
  for (let seed = from; seed < from + count; seed++) {
    clock.set([seed, performance.timeOrigin + performance.now()]);
    const outcome = await run(seed);
    const { ms } = outcome;
    // The peak of the process so far, what the mutants left included: no mutant took more.
    const mb = (process.resourceUsage().maxRSS - base) / 1024;
    if (outcome.refused !== null) refused++;
    slowest = Math.max(slowest, ms);
    largest = Math.max(largest, mb);
    const fault =
      outcome.fault ??
      (ms > MOST_MS ? `it took ${ms.toFixed(0)} ms` : mb > MOST_MB ? `it took ${mb.toFixed(0)} MB` : null);
    if (fault) say({ fault, seed });
  }
  say({ done: { refused, slowest, largest } });
}

/** Runs a share in one worker; answers the seed to go on from where it had to be ended. */
function watch(task: Task, onFault: (seed: number, fault: string) => void): Promise<Done | number> {
  return new Promise((resolve) => {
    const resourceLimits = { maxOldGenerationSizeMb: MOST_MB, maxYoungGenerationSizeMb: 16 };
    // TypeScript is known to the main thread alone; a worker has to be told.
    const code = `import('tsx/esm/api').then(({ register }) => { register(); return import('${import.meta.url}'); })`;
    const worker = new Worker(code, { eval: true, workerData: task, resourceLimits });
    const end = (result: Done | number): void => {
      clearInterval(timer);
      void worker.terminate();
      resolve(result);
    };
    const stop = (fault: string): void => {
      onFault(task.clock[0], fault);
      end(task.clock[0] + 1);
    };
    const timer = setInterval(() => {
      if (task.clock[1] > 0 && performance.timeOrigin + performance.now() - task.clock[1] > 10 * MOST_MS)
        stop(`it had not ended after ${(10 * MOST_MS) / 1000} s`);
    }, 100);
    worker.on('message', (word: Word) => ('done' in word ? end(word.done) : onFault(word.seed, word.fault)));
    worker.on('error', (error) => stop(String(error)));
  });
}

async function feed(reader: ReaderName, from: number, count: number): Promise<number> {
  let faults = 0;
  const began = performance.now();
  const onFault = (seed: number, fault: string): void => {
    if (faults++ < 20) console.log(`${reader} ${seed}: ${fault}`);
  };
  let [refused, slowest, largest] = [0, 0, 0];
  for (let next = from; next < from + count; ) {
    const clock = new Float64Array(new SharedArrayBuffer(16));
    clock[0] = next;
    const result = await watch({ reader, from: next, count: from + count - next, clock }, onFault);
    if (typeof result === 'number') next = result;
    else {
      next = from + count;
      ({ refused, slowest, largest } = result);
    }
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${reader}: ${count} mutants, ${refused} refused, ${faults} faults; slowest ${slowest.toFixed(0)} ms, peak ${largest.toFixed(0)} MB above the start, ${seconds} s`,
  );
  return faults;
}

if (isMainThread) {
  const args = process.argv.slice(2);
  const at = args.indexOf('--from');
  const from = at < 0 ? 0 : Number(args.splice(at, 2)[1]);
  const count = Number(args.shift() ?? 10_000);
  const unknown = args.find((name) => !(READERS as readonly string[]).includes(name));
  if (unknown !== undefined || !Number.isSafeInteger(count + from)) {
    console.error(
      `mutants: '${unknown ?? `${count} ${from}`}' is not known; give a number, then ${READERS.join(', ')}.`,
    );
    process.exitCode = 2;
  } else {
    let faults = 0;
    for (const reader of args.length > 0 ? (args as ReaderName[]) : READERS) faults += await feed(reader, from, count);
    process.exitCode = faults > 0 ? 1 : 0;
  }
} else {
  await work(workerData as Task);
}
