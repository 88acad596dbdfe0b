/** @file `report.html`: a run on one self-contained page. */
import type { Accuracy } from '@curio/scenes';
import type { RunConfig } from '../config/schema.ts';
import { encodePng } from '../data/png.ts';
import type { Environment } from './environment.ts';
import { escapeXml as escape, lossChart, type LossCurve } from './loss-chart.ts';
import { REPORT_STYLE } from './report-style.ts';
import { choiceOf, kindWords, verdictOf, type AskedScene, type Summary } from './summary.ts';
import { clock, megabytes, percent } from './terminal.ts';

export interface ReportData {
  readonly summary: Summary;
  readonly config: RunConfig;
  readonly environment: Environment;
  readonly curves: readonly LossCurve[];
  readonly scenes: readonly AskedScene[];
}

export function reportPage({ summary, config, environment, curves, scenes }: ReportData): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(summary.name)} · Curio</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escape(summary.name)}</h1>
<p class="quiet">SQ-LLaVA, preset ${escape(summary.preset)}, seed ${summary.seed}, trained in ${clock(summary.seconds.train)} on ${escape(summary.adapter)}${summary.commit ? `, commit ${escape(summary.commit)}` : ''}.</p>
${numbers(summary)}
</header>
${answersSection(summary)}
<section>
<h2>Training</h2>
<div class="panel">${lossChart(curves)}</div>
</section>
${askedSection(summary, scenes, config.ask.candidates)}
${runSection(summary, config, environment)}
</main>
</body>
</html>
`;
}

function numbers({ answers, blind, selfAsked, seconds, peakBytes }: Summary): string {
  const cards: [string, string][] = [];
  if (answers)
    cards.push([
      percent(answers.overall),
      `of ${answers.count} held-out questions answered correctly (95 % interval ${answers.interval.map((x) => (100 * x).toFixed(0)).join(' to ')} %)`,
    ]);
  if (blind) cards.push([percent(blind.overall), 'without looking at the picture']);
  if (selfAsked)
    cards.push(
      [percent(selfAsked.aboutPicture), `of ${selfAsked.count} self-asked questions are about the picture`],
      [percent(selfAsked.answeredRight), 'of those it answers correctly itself'],
    );
  cards.push([clock(seconds.total), `in total; ${megabytes(peakBytes)} of GPU buffers at the peak`]);
  return `<div class="numbers">${cards.map(([value, words]) => `<div class="number"><b>${value}</b><span>${escape(words)}</span></div>`).join('')}</div>`;
}

function answersSection({ answers, blind, beforeTraining, afterStage1 }: Summary): string {
  if (!answers) return '';
  const shareOf = (accuracy: Accuracy | null, kind: string | null): number | undefined =>
    kind === null ? accuracy?.overall : accuracy?.kinds[kind];
  const cell = (share: number | undefined): string =>
    `<td class="share">${share === undefined ? '' : percent(share)}</td>`;
  const row = (name: string, kind: string | null): string => {
    const right = shareOf(answers, kind)!;
    const guess = shareOf(blind, kind);
    const mark = guess === undefined ? '' : `<div class="mark" style="left:${(100 * guess).toFixed(1)}%"></div>`;
    return `<tr><td>${escape(name)}</td><td class="bar"><div class="track"><div class="fill" style="width:${(100 * right).toFixed(1)}%"></div>${mark}</div></td>${[answers, blind, afterStage1, beforeTraining].map((accuracy) => cell(shareOf(accuracy, kind))).join('')}</tr>`;
  };
  const kinds = Object.entries(answers.kinds).sort((a, b) => b[1] - a[1]);
  return `<section>
<h2>Answers by kind of question</h2>
<p class="quiet">On pictures and handwriting held out from training. The line in each bar is the blind baseline: the better of the most frequent answer to the same question and the model's answer when shown another picture.</p>
<div class="panel"><table>
<thead><tr><th>kind</th><th></th><th class="share">right</th><th class="share">blind</th><th class="share">after stage 1</th><th class="share">before</th></tr></thead>
<tbody>${row('all', null)}${kinds.map(([kind]) => row(kindWords(kind), kind)).join('')}</tbody>
</table></div>
</section>`;
}

function askedSection({ selfAsked }: Summary, scenes: readonly AskedScene[], candidates: number): string {
  if (scenes.length === 0) return '';
  const often =
    selfAsked &&
    Object.entries(selfAsked.kinds)
      .sort((a, b) => b[1] - a[1])
      .map(([kind, share]) => `${kindWords(kind)} ${(100 * share).toFixed(0)} %`)
      .join(' · ');
  const figures = selfAsked
    ? `<p class="quiet">${percent(selfAsked.wellFormed)} well formed; ${percent(selfAsked.aboutPicture)} about the picture, ${percent(selfAsked.shuffled)} when judged against another one; ${selfAsked.distinct} different questions. ${escape(often!)}</p>`
    : '';
  return `<section>
<h2>What it asked itself</h2>
<p>The model describes a picture, asks itself questions about it, and answers them, all on its own. ${choiceOf(candidates)}</p>
${figures}
<div class="scenes">${scenes.map(sceneCard).join('\n')}</div>
</section>`;
}

/** A picture with its description, questions and answers. */
export function sceneCard({ id, picture, truth, description, asked }: AskedScene): string {
  const source = `data:image/png;base64,${Buffer.from(encodePng(picture)).toString('base64')}`;
  const turns = asked.map(({ question, answer, verdict }) => {
    const { good, word } = verdict ? verdictOf(verdict) : { good: null, word: '' };
    const chip = word
      ? `<span class="chip ${good === true ? 'good' : good === false ? 'bad' : ''}">${escape(word)}</span>`
      : '';
    return `<dt>${escape(question)}</dt><dd>${escape(answer)}${chip}</dd>`;
  });
  return `<article class="scene">
<img src="${source}" alt="${escape(truth ?? id)}" width="${picture.width}" height="${picture.height}">
<div>${truth === null ? '' : `<p class="quiet">there is: ${escape(truth)}</p>`}<p>it says: ${escape(description)}</p><dl>${turns.join('')}</dl></div>
</article>`;
}

function runSection({ stages, seconds, rssBytes }: Summary, config: RunConfig, environment: Environment): string {
  const rows: [string, string][] = [
    ...Object.values(stages).map(({ label, steps, firstLoss, lastLoss }): [string, string] => [
      label,
      `${steps} steps, loss ${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)}`,
    ]),
    ['time', `setup ${clock(seconds.setup)}, training ${clock(seconds.train)}, total ${clock(seconds.total)}`],
    ['memory of the process', megabytes(rssBytes)],
    ['adapter', environment.adapter],
    ['machine', `${environment.processor}, ${environment.cores} cores, ${environment.platform}`],
    [
      'versions',
      `Node ${environment.node}, webgpu ${environment.webgpu}${environment.commit ? `, commit ${environment.commit}` : ''}`,
    ],
  ];
  return `<section>
<h2>The run</h2>
<div class="panel"><table><tbody>${rows.map(([name, value]) => `<tr><td class="quiet">${escape(name)}</td><td>${escape(value)}</td></tr>`).join('')}</tbody></table></div>
<details><summary>Configuration</summary><pre>${escape(JSON.stringify(config, null, 2))}</pre></details>
</section>`;
}
