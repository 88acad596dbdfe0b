import { basename, join } from 'node:path';
import { existsSync } from 'node:fs';
import { ConfigError } from '@curio/engine';
import { benchmarkNamed, benchmarks } from '@curio/eval';
import { SCENE_SETS } from '@curio/scenes';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { collect, positiveInteger, wholeNumber } from '../config/option-values.ts';
import { answersPath, joinShards } from '../eval/answers.ts';
import type { Shard } from '../eval/answers.ts';
import { askEntries } from '../eval/ask.ts';
import type { AskOptions } from '../eval/ask.ts';
import { openDataSet } from '../eval/data-set.ts';
import { exportsOf, KITS } from '../eval/export.ts';
import type { DataOptions, DataSet } from '../eval/data-set.ts';
import { writeResult } from '../eval/result.ts';
import type { Result } from '../eval/result.ts';
import { evaluateScenes, evaluateSets } from '../eval/scenes.ts';
import { setsOf } from '../eval/scene-sets.ts';
import { readJson, readText } from '../run/files.ts';
import { EXIT, exitWithParent, listenForInterrupt } from '../run/interrupt.ts';
import { evaluationPage } from '../run/summary.ts';
import { openTerminal, percent } from '../run/terminal.ts';
import { openTalk, requireOneModel } from '../talk/open.ts';
import type { TalkOptions } from '../talk/open.ts';
import { templateOption, withModelOptions } from '../talk/options.ts';

/** The embedded scenes, which need no downloaded benchmark. */
const SCENES = 'scenes';
/** Pictures shown with the questions asked about them. */
const SHOWN = 3;

interface Options extends TalkOptions, AskOptions, Omit<DataOptions, 'data'> {
  readonly data?: string;
  readonly out?: string;
  readonly join?: number;
  readonly answers?: string;
  readonly export?: readonly string[];
  readonly judge?: string;
  readonly judgeModel?: string;
  readonly judgeTimeout: number;
  readonly fallbackSeed?: number;
  readonly set?: string;
  readonly json?: boolean;
}

/** `curio eval`: answers a benchmark's questions, writes them as its server or judge expects, and scores them. */
export function evalCommand(): Command {
  return withModelOptions(new Command('eval'))
    .description('answer the questions of a benchmark and score them as its official scorer does')
    .addArgument(
      new Argument('<benchmark>', 'benchmark to run').choices([...benchmarks.map(({ name }) => name), SCENES]),
    )
    .option('--data <folder>', `the downloaded benchmark, unpacked; ${SCENES} needs none`)
    .option('--images <folder>', 'its images; default: where the download has them')
    .option('--file <role=file>', 'a file that is somewhere else; may be repeated', collect)
    .option(
      '--out <folder>',
      'answers and results; default: eval/BENCHMARK/MODEL; an unfinished evaluation is continued',
    )
    .option('--batch <n>', 'questions processed at a time; does not affect answers', positiveInteger, 16)
    .option('--sq <n>', 'let the model first ask and answer n questions of its own about each picture', positiveInteger)
    .option('--max-new-tokens <n>', "maximum tokens per answer; default: the benchmark's own", positiveInteger)
    .addOption(templateOption("the model's own, else v1, as published"))
    .option('--seed <n>', 'seed for sampling the questions of --sq', wholeNumber, 1)
    .option('--limit <n>', 'answer only the first n entries', positiveInteger)
    .option('--shard <i/n>', 'answer only shard i of n, such as 1/4; --join 4 joins the shards', shard)
    .option('--join <n>', 'join the answers of n shards and score them; needs no model', positiveInteger)
    .option('--answers <file>', 'score the answers in this file, in LLaVA’s format; needs no model')
    .option(
      '--export <kit>',
      `write the answers for ${KITS.join(' or ')} too; KIT=FILE takes the document numbers from that file`,
      collect,
    )
    .option('--judge <url>', 'an OpenAI-compatible API; its key goes into CURIO_JUDGE_KEY')
    .option('--judge-model <name>', 'name of the judge model')
    .option('--judge-timeout <s>', 'seconds to wait for a reply before retrying', positiveInteger, 120)
    .option(
      '--fallback-seed <n>',
      'scienceqa: choose a random option if a reply names none, as its authors do',
      wholeNumber,
    )
    .option('--set <names>', `${SCENES}: sets of harder questions instead, of ${SCENE_SETS.join(', ')}`)
    .option('--json', 'print the result as JSON')
    .action(async (name: string, options: Options) => {
      if (name === SCENES) return evaluateOnScenes(options);
      if (options.set !== undefined)
        throw new ConfigError(`eval: --set applies only to ${SCENES} and this is ${name}; leave it out.`);
      requireCompatible(name, options);
      const { data } = options;
      if (data === undefined) throw new ConfigError(`eval: ${name} is without --data; give the folder of its bundle.`);
      const exports = exportsOf(options.export);
      const set = openDataSet(name, { ...options, data });
      const answered = options.answers !== undefined || options.join !== undefined;
      const scored = answered ? existingAnswers(set, options) : await generateAnswers(set, options);
      if (!scored) return;
      const result = await writeResult(set, {
        ...scored,
        fallbackSeed: options.fallbackSeed,
        exports,
        judge: options.judge === undefined ? undefined : judgeOf(options),
      });
      if (options.json) console.log(JSON.stringify(result));
      else console.log(page(result, scored.out));
      if (options.judge !== undefined && !result.score) process.exitCode = EXIT.failed;
    });
}

async function evaluateOnScenes(options: Options): Promise<void> {
  exitWithParent();
  const { out, run, model, json } = options;
  // Questions are always asked as at the end of a run, so that figures can be compared.
  for (const key of [
    'data',
    'images',
    'file',
    'sq',
    'limit',
    'shard',
    'join',
    'answers',
    'export',
    'judge',
    'judgeModel',
  ] as const)
    if (options[key] !== undefined)
      throw new ConfigError(`eval: --${key.replace('M', '-m')} is given, but ${SCENES} does not use it; leave it out.`);
  const sets = options.set === undefined ? null : setsOf('eval', options.set);
  const talk = await openTalk('eval', options);
  const interrupt = listenForInterrupt(() => console.error('eval: ending.'));
  try {
    const folder = out ?? join('eval', SCENES, talk.name);
    if (sets) {
      const results = await evaluateSets(talk, { run, model }, sets, folder, interrupt.signal);
      if (!results) process.exitCode = EXIT.interrupted;
      else if (json) console.log(readText(join(folder, 'sets.json'), 'eval').trim());
      else console.log(`${setsPage(results)}\n  ${join(folder, 'sets.json')}`);
      return;
    }
    const found = await evaluateScenes(talk, { run, model }, folder, interrupt.signal);
    if (!found) process.exitCode = EXIT.interrupted;
    else if (json) console.log(readText(join(folder, 'result.json'), 'eval').trim());
    else
      console.log(
        `${evaluationPage(found, { scenes: found.asked.slice(0, SHOWN), candidates: talk.ask.candidates }, openTerminal())}  ${join(folder, 'result.json')}`,
      );
  } finally {
    interrupt.close();
    talk.close();
  }
}

/** The figures of each set, laid out as those of a run. */
const setsPage = (results: Awaited<ReturnType<typeof evaluateSets>>): string =>
  Object.entries(results!)
    .flatMap(([set, { answers, pope }]) => [
      `set ${set}`,
      evaluationPage(
        { answers, blind: null, selfAsked: null },
        { scenes: [], candidates: 1 },
        openTerminal(),
      ).trimEnd(),
      ...Object.entries(pope ?? {}).map(([name, value]) => `  POPE ${name} ${percent(value)}`),
      '',
    ])
    .join('\n');

function shard(text: string): Shard {
  const [, index, parts] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!index || !parts || index > parts)
    throw new InvalidArgumentError('It must be i/n, such as 1/4, with i from 1 to n.');
  return { index, parts };
}

/** Refuses conflicting options before anything is read. */
function requireCompatible(name: string, options: Options): void {
  const { shard: part, join: parts, answers, judge, judgeModel, fallbackSeed } = options;
  const ways = Object.entries({ shard: part, join: parts, answers }).filter(([, value]) => value !== undefined);
  if (ways.length > 1)
    throw new ConfigError(`eval: --${ways[0]![0]} and --${ways[1]![0]} are both given; give one of the two.`);
  if ((judge === undefined) !== (judgeModel === undefined))
    throw new ConfigError('eval: --judge and --judge-model need each other; give both or neither.');
  if (judge !== undefined && !benchmarkNamed(name).judging)
    throw new ConfigError(`eval: --judge is given, but ${name} is scored without a judge; leave it out.`);
  if (fallbackSeed !== undefined && name !== 'scienceqa')
    throw new ConfigError(`eval: --fallback-seed applies only to scienceqa and this is ${name}; leave it out.`);
  requireOneModel('eval', options);
}

interface Scored {
  readonly out: string;
  readonly name: string;
  readonly answers: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Existing answers: those of a file, or of shards that are joined. */
function existingAnswers(
  set: DataSet,
  { answers, join: parts, out = join('eval', set.benchmark.name) }: Options,
): Scored {
  const path = join(out, 'settings.json');
  const settings = existsSync(path) ? (readJson(path, 'eval') as Record<string, unknown>) : {};
  if (answers !== undefined) {
    const name = basename(answers).replace(/\.jsonl$/, '');
    return { ...{ out, name, answers }, settings: { answers, data: set.digests } };
  }
  const { model } = settings;
  if (typeof model !== 'string')
    throw new ConfigError(`eval: ${path} does not exist or names no model; give the --out of the shards.`);
  joinShards(out, model, set.benchmark, set.entries, parts!);
  return { out, name: model, answers: answersPath(out, model), settings };
}

/** Generates answers; null if there is nothing to score yet. */
async function generateAnswers(set: DataSet, options: Options): Promise<Scored | null> {
  const talk = await openTalk('eval', options);
  const interrupt = listenForInterrupt(() => console.error('eval: ending; what is answered is kept.'));
  try {
    const out = options.out ?? join('eval', set.benchmark.name, talk.name);
    const { path, before, answered, entries } = await askEntries(set, talk, out, options, interrupt.signal);
    const earlier = before > 0 ? `, ${before} of them from an earlier run` : '';
    console.error(`eval: ${path} holds ${before + answered} answers to ${entries} entries${earlier}.`);
    if (interrupt.requested) process.exitCode = EXIT.interrupted;
    if (before + answered < entries || options.shard) return null;
    const settings = readJson(join(out, 'settings.json'), 'eval') as Record<string, unknown>;
    return { out, name: talk.name, answers: path, settings };
  } finally {
    interrupt.close();
    talk.close();
  }
}

const judgeOf = ({ judge, judgeModel, judgeTimeout }: Options) => ({
  ...{ url: judge!, model: judgeModel!, key: process.env.CURIO_JUDGE_KEY, timeoutMs: 1000 * judgeTimeout, retries: 3 },
});

function page({ title, name, entries, score, notScored, files }: Result, out: string): string {
  const row = (label: string, value: number): string => `  ${value.toFixed(2).padStart(8)}  ${label}`;
  return [
    `${title}: ${name}, ${entries} entries`,
    ...(score ? [row(score.mainName, score.main), ...Object.entries(score.details).map(([k, v]) => row(k, v))] : []),
    ...notScored,
    ...files.map((path) => `  ${path}`),
    `  ${join(out, 'result.json')}`,
  ].join('\n');
}
