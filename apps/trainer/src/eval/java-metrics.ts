/**
 * @file METEOR and SPICE by their authors' own programs, if `java` is on the PATH and the environment says where the
 * programs are. They are called as pycocoevalcap calls them. Sources: https://www.cs.cmu.edu/~alavie/METEOR,
 * https://github.com/peteanderson80/SPICE.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { CurioError } from '@curio/engine';
import type { CaptionPair } from '@curio/eval';
import { isFile } from '../run/files.ts';

/** Why a metric was not computed, as the end of a sentence. */
class MetricError extends CurioError {}

const METRICS = [
  { name: 'METEOR', variable: 'CURIO_METEOR_JAR', file: 'meteor-1.5.jar', score: meteor },
  { name: 'SPICE', variable: 'CURIO_SPICE_JAR', file: 'spice-1.0.jar', score: spice },
] as const;

/** Scores times 100 by name, and a sentence for each that was not computed. */
export async function javaMetrics(
  pairs: readonly CaptionPair[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<{ scores: Record<string, number>; skipped: string[] }> {
  const scores: Record<string, number> = {};
  const skipped: string[] = [];
  for (const { name, variable, file, score } of METRICS) {
    const jar = env[variable];
    try {
      if (!jar) throw new MetricError(`${variable} is not set; give it the path of ${file}`);
      if (!isFile(jar))
        throw new MetricError(`${variable} is ${jar}, which is not a file; give it the path of ${file}`);
      scores[name] = 100 * (await score(jar, pairs, env));
    } catch (error) {
      if (!(error instanceof MetricError)) throw error;
      skipped.push(`${name} is not computed: ${error.message}.`);
    }
  }
  return { scores, skipped };
}

interface Program {
  readonly write: (text: string) => void;
  readonly line: () => Promise<string>;
  /** What the program printed. @throws MetricError if it failed */
  readonly end: () => Promise<void>;
}

function openJava(args: readonly string[], cwd: string, env: Readonly<Record<string, string | undefined>>): Program {
  const child = spawn('java', args, { cwd, env: { ...env } });
  let told = '';
  child.stderr.on('data', (text) => (told = `${told}${text}`.slice(-2000)));
  child.stdin.on('error', () => {}); // reported by the program's exit code
  const ended = once(child, 'close').then(
    ([code]) => {
      if (code === 0) return;
      const [first = 'it says nothing'] = told.split('\n').filter((line) => line.trim() !== '');
      throw new MetricError(`java ended with ${code} (${first.trim()}); try the program by itself`);
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new MetricError('java is not on the PATH; install a Java runtime');
      throw new MetricError(`java does not start (${error.message}); install a Java runtime`);
    },
  );
  ended.catch(() => {}); // whoever awaits it gets the error
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    write: (text) => void child.stdin.write(text),
    line: async () => {
      const { value, done } = await lines.next();
      if (!done) return value;
      await ended;
      throw new MetricError('java ended before all captions were scored; try the program by itself');
    },
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** The mean that METEOR computes itself from its statistics over all captions. */
async function meteor(
  jar: string,
  pairs: readonly CaptionPair[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const java = openJava(['-jar', '-Xmx2G', jar, '-', '-', '-stdio', '-l', 'en', '-norm'], dirname(jar), env);
  const statistics: string[] = [];
  for (const { caption, references } of pairs) {
    const own = caption.replaceAll('|||', '').replaceAll('  ', ' ');
    java.write(`SCORE ||| ${[...references, own].join(' ||| ')}\n`);
    statistics.push((await java.line()).trim());
  }
  java.write(`EVAL ||| ${statistics.join(' ||| ')}\n`);
  for (const _ of pairs) await java.line();
  const score = numberIn(await java.line());
  await java.end();
  return score;
}

const numberIn = (line: string): number => {
  const value = Number(line);
  if (line.trim() === '' || Number.isNaN(value))
    throw new MetricError(`java wrote '${line}' for a score; try the program by itself`);
  return value;
};

/** The mean of F over captions. */
async function spice(
  jar: string,
  pairs: readonly CaptionPair[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'curio-spice-'));
  try {
    const [input, output] = [join(folder, 'in.json'), join(folder, 'out.json')];
    const items = pairs.map(({ id, caption, references }) => ({ image_id: id, test: caption, refs: references }));
    writeFileSync(input, JSON.stringify(items));
    const args = ['-jar', '-Xmx8G', jar, input, '-cache', join(folder, 'cache'), '-out', output, '-subset', '-silent'];
    await openJava(args, dirname(jar), env).end();
    const found = JSON.parse(readFileSync(output, 'utf8')) as { scores: { All: { f: number } } }[];
    return found.reduce((sum, { scores }) => sum + scores.All.f, 0) / found.length;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
