/** @file The questions that a model asks itself, on a self-contained page that needs no network. */
import { escapeXml as escape } from '../run/loss-chart.ts';
import { REPORT_STYLE } from '../run/report-style.ts';
import { sceneCard } from '../run/report.ts';
import { kindWords } from '../run/summary.ts';
import type { AskedScene } from '../run/summary.ts';
import { percent } from '../run/terminal.ts';
import { spreadOf } from '../ablate/paired-test.ts';
import type { Diversity, QuestionsResult, Similarities } from './measure.ts';

/** The figures as lines, for the terminal and the top of the page. */
export function figuresOf({ asked, data, similarities, consistency, verdicts }: QuestionsResult): [string, string][] {
  const mean = (of: (each: (typeof verdicts)[number]) => number): string =>
    percent(verdicts.reduce((sum, each) => sum + of(each), 0) / verdicts.length);
  const diversity = ({ count, different, distinct1, distinct2, selfBleu }: Diversity): string =>
    `${count} questions, ${different} different; distinct-1 ${distinct1.toFixed(3)}, distinct-2 ${distinct2.toFixed(3)}, self-BLEU ${selfBleu?.toFixed(3) ?? '–'}`;
  const { same, questions, seeds, rightWhenSame, rightWhenNot } = consistency;
  const right = [rightWhenSame, rightWhenNot].map((share) => (share === null ? '–' : percent(share)));
  return [
    ['well formed', verdicts.length > 0 ? mean(({ wellFormed }) => wellFormed) : '–'],
    ['about the picture', verdicts.length > 0 ? mean(({ aboutPicture }) => aboutPicture) : '–'],
    ['it asks', diversity(asked)],
    ['the data ask', diversity(data)],
    ...similarities.map(({ label, own, other }): [string, string] => [
      label,
      `cosine with the picture ${meanOf(own)}, with another one ${meanOf(other)}`,
    ]),
    [
      'answered alike',
      `${percent(same)} of ${questions} questions by ${seeds} drawn answers each; right then ${right[0]}, else ${right[1]}`,
    ],
  ];
}

function meanOf(values: readonly number[]): string {
  const { mean, deviation } = spreadOf(values);
  return `${mean.toFixed(3).replace('-', '−')} ± ${deviation === null ? '–' : deviation.toFixed(3)}`;
}

export const questionsPage = (
  name: string,
  result: QuestionsResult,
  scenes: readonly AskedScene[],
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Questions of ${escape(name)} · Curio</title>
<style>${REPORT_STYLE}
td { white-space: normal; }
header { margin-bottom: 20px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 12px; }
.own { fill: var(--accent); opacity: 0.75; }
.other { fill: none; stroke: var(--ink); stroke-width: 1.5; opacity: 0.6; }
svg text { font: 11px system-ui, sans-serif; fill: var(--quiet); }
</style>
</head>
<body>
<main>
<header>
<h1>What ${escape(name)} asks itself</h1>
</header>
<section>
<div class="panel"><table><tbody>${figuresOf(result)
  .map(([label, text]) => `<tr><td class="quiet">${escape(label)}</td><td>${escape(text)}</td></tr>`)
  .join('\n')}</tbody></table></div>
</section>
<section>
<h2>How near to the picture</h2>
<p class="quiet">Cosine of text and picture in the space of ${result.clip === null ? "the base's CLIP, whose text tower was trained on captions" : `the CLIP ${escape(result.clip)}`}. Bars: the text with its own picture; line: the same texts with another picture.</p>
<div class="charts">${result.similarities.map((each) => histogram(each, result.similarities)).join('\n')}</div>
</section>
<section>
<h2>Kinds of question</h2>
<div class="panel"><table>
<thead><tr><th>kind</th><th class="share">it asks</th><th class="share">the data ask</th></tr></thead>
<tbody>${kindRows(result)}</tbody>
</table></div>
</section>
<section>
<h2>Pictures</h2>
<div class="scenes">${scenes.map(sceneCard).join('\n')}</div>
</section>
</main>
</body>
</html>
`;

const kindRows = ({ asked, data }: QuestionsResult): string =>
  [...new Set([...Object.keys(data.kinds), ...Object.keys(asked.kinds)])]
    .map(
      (kind) =>
        `<tr><td>${escape(kindWords(kind))}</td>${[asked, data].map(({ kinds }) => `<td class="share">${percent(kinds[kind] ?? 0)}</td>`).join('')}</tr>`,
    )
    .join('\n');

const BINS = 30;
const CHART = { width: 420, height: 150, top: 26, bottom: 22 };

/** Histogram of values from `low` to `high` in equal bins, as shares. */
export function binned(values: readonly number[], low: number, high: number): number[] {
  const bins = Array<number>(BINS).fill(0);
  const width = (high - low) / BINS || 1;
  for (const value of values) bins[Math.min(BINS - 1, Math.max(0, Math.floor((value - low) / width)))]! += 1;
  return bins.map((count) => count / Math.max(1, values.length));
}

/** All on one scale, so that they can be compared. */
function histogram({ label, own, other }: Similarities, all: readonly Similarities[]): string {
  const values = all.flatMap((each) => [...each.own, ...each.other]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const tallest = Math.max(...all.flatMap((each) => [each.own, each.other].flatMap((list) => binned(list, low, high))));
  const { width, height, top, bottom } = CHART;
  const step = width / BINS;
  const y = (share: number): number => height - bottom - (share / tallest) * (height - top - bottom);
  const bars = binned(own, low, high).map(
    (share, i) =>
      `<rect class="own" x="${(i * step).toFixed(1)}" y="${y(share).toFixed(1)}" width="${(step - 1).toFixed(1)}" height="${(height - bottom - y(share)).toFixed(1)}"/>`,
  );
  const line = binned(other, low, high).map((share, i) => `${((i + 0.5) * step).toFixed(1)},${y(share).toFixed(1)}`);
  return `<div class="panel"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">
<text x="2" y="14">${escape(label)}: ${meanOf(own)}</text>
${bars.join('')}<polyline class="other" points="${line.join(' ')}"/>
<text x="2" y="${height - 6}">${low.toFixed(2)}</text><text x="${width - 2}" y="${height - 6}" text-anchor="end">${high.toFixed(2)}</text>
</svg></div>`;
}
