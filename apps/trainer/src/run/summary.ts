/** @file The results of a run: `summary.json`, and the text printed at its end. */
import type { Picture } from '@curio/model';
import type { Accuracy, AskedVerdict, SelfAsked } from '@curio/scenes';
import {
  bar,
  clock,
  cut,
  megabytes,
  padEnd,
  padStart,
  percent,
  sparkline,
  styleOf,
  widthOf,
  type Style,
  type Terminal,
} from './terminal.ts';

export interface StageSummary {
  readonly label: string;
  readonly steps: number;
  /** Mean loss of the first and of the last twentieth of the steps. */
  readonly firstLoss: number;
  readonly lastLoss: number;
}

/** `summary.json`. Fractions are 0…1; what could not be judged (your own data, without ground truth) is null. */
export interface Summary {
  readonly name: string;
  readonly preset: string;
  readonly seed: number;
  readonly adapter: string;
  readonly commit: string | null;
  /** Accuracy on held-out questions: after training, without the right picture, before training, after stage 1. */
  readonly answers: Accuracy | null;
  readonly blind: Accuracy | null;
  readonly beforeTraining: Accuracy | null;
  readonly afterStage1: Accuracy | null;
  readonly selfAsked: SelfAsked | null;
  readonly stages: Readonly<Record<string, StageSummary>>;
  /** Entries of the data that were skipped; `skipped.jsonl` lists them. */
  readonly skipped: number;
  /** `waiting`: how long steps waited for their data, an upper bound on how long that left the device idle. */
  readonly seconds: {
    readonly setup: number;
    readonly train: number;
    readonly waiting: number;
    readonly total: number;
  };
  /** Peak of live GPU buffers, and of the process's resident memory. */
  readonly peakBytes: number;
  readonly rssBytes: number;
}

/** A held-out picture on which the model asked itself questions. */
export interface AskedScene {
  readonly id: string;
  readonly picture: Picture;
  /** What is in the picture, in words; null without ground truth. */
  readonly truth: string | null;
  /** The model's own description. */
  readonly description: string;
  readonly asked: readonly {
    readonly question: string;
    readonly answer: string;
    readonly verdict: AskedVerdict | null;
  }[];
}

export function stageSummary(label: string, losses: readonly number[]): StageSummary {
  const part = Math.max(1, Math.floor(losses.length / 20));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length);
  return { label, steps: losses.length, firstLoss: mean(losses.slice(0, part)), lastLoss: mean(losses.slice(-part)) };
}

/** Peak resident memory of this process, in bytes. */
export const peakResident = (): number => process.resourceUsage().maxRSS * 1024;

/** Display names of the kinds of question. */
export const KIND_WORDS: Readonly<Record<string, string>> = {
  digit_at: 'which digit is there',
  digit_col: 'which digit is red',
  color: 'what colour',
  count: 'how many',
  exist: 'is there a',
  where: 'where is it',
  size: 'small or large',
  compare: 'greatest, least',
  relation: 'left of, above',
  sum: 'sum of digits',
  object: 'describe it',
  there: 'there: said so',
  absent: 'absent: said so',
  look_alike: 'absent, its like there',
};
export const kindWords = (kind: string): string => KIND_WORDS[kind] ?? kind;

/** The verdict on a self-asked question as a mark and a word. */
export function verdictOf(verdict: AskedVerdict): { good: boolean | null; word: string } {
  if (!verdict.wellFormed) return { good: false, word: 'not a question' };
  if (!verdict.aboutPicture) return { good: null, word: 'not about this picture' };
  return verdict.answeredRight ? { good: true, word: 'right' } : { good: false, word: `it is: ${verdict.expected}` };
}

const NAME_WIDTH = 22;
const BAR_WIDTH = 24;

/** How a question was chosen among those drawn in its place (`ask.candidates`); empty where there was no choice. */
export const choiceOf = (candidates: number): string =>
  candidates > 1 ? `Each was chosen from ${candidates} candidates: the one it answers with most confidence.` : '';

/** What a page shows of self-questioning. */
interface Asking {
  readonly scenes: readonly AskedScene[];
  /** As in `ask`. */
  readonly candidates: number;
}

/**
 * The text printed at the end of a run. `losses` are the curves by stage, `scenes` the pictures to show, `files` what
 * to open next.
 */
export function summaryPage(
  summary: Summary,
  {
    losses,
    files,
    ...asking
  }: Asking & { losses: Readonly<Record<string, readonly number[]>>; files: readonly string[] },
  terminal: Terminal,
): string {
  const style = styleOf(terminal);
  const rule = ruleOf(terminal, style);
  const lines = answersPart(summary, rule, style);
  lines.push(
    rule('Training'),
    ...Object.entries(summary.stages).map(([name, stage]) => stageLine(stage, losses[name] ?? [], style)),
    ...(summary.skipped > 0
      ? [`  ${padEnd('skipped', NAME_WIDTH)}${summary.skipped} entries, listed in skipped.jsonl`]
      : []),
  );
  lines.push(
    ...askedPart(summary, asking, terminal),
    rule('Costs'),
    costLine(summary),
    waitingLine(summary),
    style.dim(`  ${summary.adapter}, seed ${summary.seed}`),
    rule('Files'),
    ...files.map((file) => `  ${style.accent(file)}`),
    '',
  );
  return lines.join('\n');
}

/** The same for a model without a run: its answers, and what it asked itself. */
export function evaluationPage(
  found: Pick<Summary, 'answers' | 'blind' | 'selfAsked'>,
  asking: Asking,
  terminal: Terminal,
): string {
  const style = styleOf(terminal);
  const whole = { beforeTraining: null, afterStage1: null, ...found };
  return [...answersPart(whole, ruleOf(terminal, style), style), ...askedPart(found, asking, terminal), ''].join('\n');
}

const ruleOf =
  (terminal: Terminal, { bold, dim }: Style) =>
  (title: string): string =>
    `\n${bold(title)} ${dim('─'.repeat(Math.max(3, Math.min(72, terminal.columns - 1) - widthOf(title) - 1)))}`;

type Answers = Pick<Summary, 'answers' | 'blind' | 'beforeTraining' | 'afterStage1'>;

function answersPart(summary: Answers, rule: (title: string) => string, style: Style): string[] {
  const { answers } = summary;
  if (!answers) return [];
  return [
    rule(`${answers.count} questions about held-out pictures`),
    ...accuracyLines(summary, style),
    '',
    ...kindLines(summary, style),
  ];
}

function askedPart(
  { selfAsked }: Pick<Summary, 'selfAsked'>,
  { scenes, candidates }: Asking,
  terminal: Terminal,
): string[] {
  const style = styleOf(terminal);
  const rule = ruleOf(terminal, style);
  return [
    ...(selfAsked
      ? [rule(`${selfAsked.count} questions it asked itself`), ...askedLines(selfAsked, choiceOf(candidates), style)]
      : []),
    ...scenes.flatMap((scene) => ['', ...sceneLines(scene, terminal, style)]),
  ];
}

function accuracyLines({ answers, blind, beforeTraining, afterStage1 }: Answers, { good, dim, bold }: Style): string[] {
  const row = (name: string, accuracy: Accuracy | null, paint: (text: string) => string, note = ''): string[] =>
    accuracy
      ? [
          `  ${padEnd(name, NAME_WIDTH)}${padStart(bold(percent(accuracy.overall)), 8)}  ${paint(padEnd(bar(accuracy.overall, BAR_WIDTH), BAR_WIDTH))}  ${dim(note)}`.trimEnd(),
        ]
      : [];
  const [low, high] = answers!.interval;
  return [
    ...row('answered right', answers, good, `95 % interval ${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`),
    ...row('guessing blind', blind, dim, 'without looking at the right picture'),
    ...row('after stage 1', afterStage1, dim),
    ...row('before training', beforeTraining, dim),
  ];
}

function kindLines({ answers, blind }: Pick<Summary, 'answers' | 'blind'>, { dim, accent }: Style): string[] {
  const kinds = Object.entries(answers!.kinds).sort((a, b) => b[1] - a[1]);
  return kinds.map(([kind, share]) => {
    const guess = blind?.kinds[kind];
    return `  ${padEnd(kindWords(kind), NAME_WIDTH)}${padStart(percent(share), 8)}  ${accent(padEnd(bar(share, BAR_WIDTH), BAR_WIDTH))}  ${guess === undefined ? '' : dim(`blind ${percent(guess)}`)}`.trimEnd();
  });
}

const stageLine = (
  { label, steps, firstLoss, lastLoss }: StageSummary,
  losses: readonly number[],
  { accent }: Style,
): string =>
  `  ${padEnd(label, NAME_WIDTH)}loss ${firstLoss.toFixed(2)} → ${lastLoss.toFixed(2)} in ${steps} steps  ${accent(sparkline(losses, BAR_WIDTH))}`;

function askedLines(
  { wellFormed, aboutPicture, shuffled, answeredRight, distinct, kinds }: SelfAsked,
  choice: string,
  { dim, bold }: Style,
): string[] {
  const row = (name: string, share: number, note: string): string =>
    `  ${padEnd(name, NAME_WIDTH)}${padStart(bold(percent(share)), 8)}  ${dim(note)}`;
  const often = Object.entries(kinds)
    .sort((a, b) => b[1] - a[1])
    .map(([kind, share]) => `${kindWords(kind)} ${(100 * share).toFixed(0)} %`);
  return [
    ...(choice === '' ? [] : [`  ${choice}`]),
    row('well formed', wellFormed, `${distinct} different ones`),
    row('about the picture', aboutPicture, `${percent(shuffled)} when judged against another picture`),
    row('answered right', answeredRight, 'of those about the picture'),
    ...wrap(often, 68, ' · ').map((text) => `  ${dim(text)}`),
  ];
}

function costLine({ seconds, peakBytes, rssBytes }: Summary): string {
  return `  setup ${clock(seconds.setup)}, training ${clock(seconds.train)}, total ${clock(seconds.total)} · ${megabytes(peakBytes)} of GPU buffers, ${megabytes(rssBytes)} of memory`;
}

const waitingLine = ({ seconds }: Summary): string =>
  `  ${percent(seconds.waiting / Math.max(seconds.train, 1e-9))} of the training waited for data`;

/** Wraps words into lines of at most `columns`. */
function wrap(words: readonly string[], columns: number, joint = ' '): string[] {
  const out: string[] = [];
  for (const word of words) {
    const last = out.at(-1);
    if (last !== undefined && widthOf(last) + widthOf(joint) + widthOf(word) <= columns)
      out[out.length - 1] = last + joint + word;
    else out.push(word);
  }
  return out;
}

const PICTURE_COLUMNS = 24;

/** The picture on the left, if the terminal has colours, and what the model said about it on the right. */
function sceneLines(
  { picture, truth, description, asked }: AskedScene,
  terminal: Terminal,
  { bold, dim, good, bad }: Style,
): string[] {
  const drawn = terminal.color ? pictureLines(picture, PICTURE_COLUMNS, terminal.trueColor) : [];
  const columns = Math.min(terminal.columns, 110) - (drawn.length ? PICTURE_COLUMNS + 6 : 4);
  const said: string[] = [];
  if (truth !== null) said.push(...wrap(`there is: ${truth}`.split(' '), columns).map(dim));
  said.push(...wrap(`it says: ${description}`.split(' '), columns), '');
  for (const { question, answer, verdict } of asked) {
    const { good: right, word } = verdict ? verdictOf(verdict) : { good: null, word: '' };
    const mark = right === true ? good('✓') : right === false ? bad('✗') : dim('·');
    const paint = right === true ? good : right === false ? bad : dim;
    said.push(`${mark} ${bold(cut(question, columns - 2))}`, `  ${answer}  ${paint(word)}`);
  }
  return Array.from({ length: Math.max(drawn.length, said.length) }, (_, i) =>
    `  ${drawn.length ? `${drawn[i] ?? ' '.repeat(PICTURE_COLUMNS)}  ` : ''}${said[i] ?? ''}`.trimEnd(),
  );
}

/** A picture in half blocks: two pixels per character, the upper one in the foreground colour. */
export function pictureLines({ width, height, rgb }: Picture, columns: number, trueColor: boolean): string[] {
  const rows = 2 * Math.max(1, Math.round((columns * height) / width / 2));
  const pixel = (column: number, row: number): number[] =>
    [0, 1, 2].map((channel) => {
      let sum = 0;
      let count = 0;
      for (
        let y = Math.floor((row * height) / rows);
        y < Math.max(((row + 1) * height) / rows, Math.floor((row * height) / rows) + 1);
        y++
      ) {
        for (
          let x = Math.floor((column * width) / columns);
          x < Math.max(((column + 1) * width) / columns, Math.floor((column * width) / columns) + 1);
          x++
        ) {
          sum += rgb[(y * width + x) * 3 + channel];
          count++;
        }
      }
      return Math.round(sum / count);
    });
  const code = (color: number[]): string => (trueColor ? `2;${color.join(';')}` : `5;${xterm(color)}`);
  return Array.from(
    { length: rows / 2 },
    (_, i) =>
      `${Array.from({ length: columns }, (_, column) => `\x1b[38;${code(pixel(column, 2 * i))};48;${code(pixel(column, 2 * i + 1))}m▀`).join('')}\x1b[0m`,
  );
}

/**
 * The nearest of xterm's 256 colours: a ramp of greys from 8 in steps of 10, and a cube with the levels 0, 95, 135,
 * 175, 215, 255.
 */
function xterm(color: readonly number[]): number {
  const [low, high] = [Math.min(...color), Math.max(...color)];
  if (high - low < 24 && high < 240) return 232 + Math.max(0, Math.min(23, Math.round(((low + high) / 2 - 8) / 10)));
  const [r, g, b] = color.map((value) => (value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40)));
  return 16 + 36 * r + 6 * g + b;
}
