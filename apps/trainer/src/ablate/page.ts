/** @file An ablation as a page that needs no other file and no network. */
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
${facts.map((text) => `<p class="quiet">${escape(text)}</p>`).join('\n')}
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

function section({ title, rows, measures, kinds }: ComparedTable): string {
  const [main, ...others] = measures;
  const told = `<table>
<thead><tr><th>row</th><th>seeds</th><th></th>${measures.map((each) => `<th>${escape(each.title)}</th>`).join('')}</tr></thead>
<tbody>${rows
    .map(
      (row) =>
        `<tr><td>${escape(row.label)}</td><td class="quiet">${seedsText(row.seeds)}</td>${bar(row, main!)}${[main!, ...others].map((each) => cell(row, each)).join('')}</tr>`,
    )
    .join('\n')}</tbody>
</table>`;
  const byKind = `<table>
<thead><tr><th>kind of question</th>${rows.map(({ label }) => `<th>${escape(label)}</th>`).join('')}</tr></thead>
<tbody>${kinds.map((kind) => `<tr><td>${escape(kind.title)}</td>${rows.map((row) => cell(row, kind, false)).join('')}</tr>`).join('\n')}</tbody>
</table>`;
  return `<section>
<h2>${escape(title)}</h2>
<div class="panel">${told}</div>
${kinds.length > 1 ? `<div class="panel">${byKind}</div>` : ''}
</section>`;
}

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
function cell(row: ComparedRow, measure: Measure, withDifference = true): string {
  const figure = figureOf(row, measure);
  const differs = isDifferent(figure);
  const kind = differs ? (figure.against!.difference.mean > 0 ? 'good' : 'bad') : '';
  const share = differs ? `<b class="${kind}">${shareText(figure)}</b>` : shareText(figure);
  const difference = withDifference ? differenceText(figure) : '';
  return `<td>${share}${difference ? `<br><span class="quiet">${escape(difference)}</span>` : ''}</td>`;
}
