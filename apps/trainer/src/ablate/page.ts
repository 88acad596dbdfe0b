/** @file An ablation as a self-contained page that needs no network. */
import { escapeXml as escape } from '../run/loss-chart.ts';
import { REPORT_STYLE } from '../run/report-style.ts';
import type { ComparedRow, ComparedTable } from './compare.ts';
import { differenceText, figureOf, isDifferent, METHOD, seedsText, shareText } from './markdown.ts';
import type { Ablation } from './markdown.ts';
import type { Measure } from './measures.ts';

export const ablationPage = ({ facts, tables }: Ablation): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ablation · Curio</title>
<style>${REPORT_STYLE}
main { max-width: 1180px; }
td.bar { width: 30%; }
b.good { color: var(--good); }
b.bad { color: var(--bad); }
.panel + .panel { margin-top: 12px; }
</style>
</head>
<body>
<main>
<header>
<h1>Ablation on the embedded scenes</h1>
${facts.map((text) => `<p class="quiet">${withCode(escape(text))}</p>`).join('\n')}
</header>
${tables.map(section).join('\n')}
<section>
<h2>How to read it</h2>
${METHOD.map((text) => `<p>${escape(text)}</p>`).join('\n')}
</section>
</main>
</body>
</html>
`;

/** Markdown's backquotes, the only markup in the facts. */
const withCode = (html: string): string => html.replace(/`([^`]*)`/g, '<code>$1</code>');

function section({ title, rows, measures, kinds }: ComparedTable): string {
  const bars = `<table><tbody>${rows
    .map(
      (row) =>
        `<tr><td>${escape(row.label)}</td><td class="quiet">seeds ${seedsText(row.seeds)}</td>${bar(row, measures[0]!)}<td>${shareText(figureOf(row, measures[0]!))}</td></tr>`,
    )
    .join('\n')}</tbody></table>`;
  return `<section>
<h2>${escape(title)}</h2>
<p class="quiet">Held-out questions answered right, with a standard deviation to either side.</p>
<div class="panel">${bars}</div>
<div class="panel">${figures('measure', measures, rows)}</div>
${kinds.length > 1 ? `<div class="panel">${figures('kind of question', kinds, rows)}</div>` : ''}
</section>`;
}

const figures = (head: string, measures: readonly Measure[], rows: readonly ComparedRow[]): string => `<table>
<thead><tr><th>${head}</th>${rows.map(({ label }) => `<th>${escape(label)}</th>`).join('')}</tr></thead>
<tbody>${measures.map((measure) => `<tr><td>${escape(measure.title)}</td>${rows.map((row) => cell(row, measure)).join('')}</tr>`).join('\n')}</tbody>
</table>`;

/** The mean as a bar, with the spread of a standard deviation to either side. */
function bar(row: ComparedRow, measure: Measure): string {
  const { share } = figureOf(row, measure);
  if (!share) return '<td class="bar"></td>';
  const at = (value: number): string => `${(100 * Math.min(1, Math.max(0, value))).toFixed(1)}%`;
  const marks =
    share.deviation === null
      ? []
      : [share.mean - share.deviation, share.mean + share.deviation].map(
          (value) => `<div class="mark" style="left:${at(value)}"></div>`,
        );
  return `<td class="bar"><div class="track"><div class="fill" style="width:${at(share.mean)}"></div>${marks.join('')}</div></td>`;
}

/** The share, in colour where it differs from the first row, and how far. */
function cell(row: ComparedRow, measure: Measure): string {
  const figure = figureOf(row, measure);
  const difference = differenceText(figure);
  const isBetter = figure.against !== null && figure.against.difference.mean > 0 !== (measure.isBad ?? false);
  const share = isDifferent(figure)
    ? `<b class="${isBetter ? 'good' : 'bad'}">${shareText(figure)}</b>`
    : shareText(figure);
  return `<td>${share}${difference ? `<br><span class="quiet">${escape(difference)}</span>` : ''}</td>`;
}
