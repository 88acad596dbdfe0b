/** @file Loss curves as SVG: one panel per stage, with the raw loss as a faint line and the smoothed loss over it. */

export interface LossCurve {
  readonly label: string;
  readonly points: readonly { readonly step: number; readonly loss: number }[];
}

const PANEL = { width: 440, height: 250, left: 44, right: 14, top: 34, bottom: 34 };
const MAX_POINTS = 500;

/** A complete SVG, for a file or inside a page; it follows the reader's light or dark scheme. */
export function lossChart(curves: readonly LossCurve[]): string {
  const drawn = curves.filter(({ points }) => points.length > 0);
  const width = Math.max(1, drawn.length) * PANEL.width;
  const panels = drawn.map((curve, i) => panel(curve, i * PANEL.width)).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${PANEL.height}" width="${width}" role="img" aria-label="${escapeXml(drawn.map(describe).join('; '))}">
<style>
.curio-chart { --paper: #ffffff; --ink: #24292f; --quiet: #6b7280; --rule: #e5e7eb; --line: #2a78d6; font: 11px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .curio-chart { --paper: #16181d; --ink: #e6e8eb; --quiet: #9aa1ab; --rule: #2b2f37; --line: #5b9ff0; } }
.curio-chart .title { font-weight: 600; font-size: 13px; fill: var(--ink); }
.curio-chart .quiet { fill: var(--quiet); }
.curio-chart .rule { stroke: var(--rule); }
.curio-chart .raw { fill: none; stroke: var(--line); opacity: 0.28; }
.curio-chart .smooth { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
</style>
<g class="curio-chart">
<rect width="100%" height="100%" fill="var(--paper)" rx="8"/>
${panels || `<text x="20" y="40" class="quiet">no steps yet</text>`}
</g>
</svg>
`;
}

const describe = ({ label, points }: LossCurve): string =>
  `${label}: loss from ${points[0].loss.toFixed(2)} to ${points.at(-1)!.loss.toFixed(2)} in ${points.length} steps`;

function panel({ label, points }: LossCurve, offset: number): string {
  const smooth = smoothed(points.map(({ loss }) => loss));
  const last = points.at(-1)!.step;
  const ticks = niceTicks(0, Math.max(...points.map(({ loss }) => loss)), 4);
  const top = ticks.at(-1)!;
  const x = (step: number): number =>
    PANEL.left +
    ((step - points[0].step) / Math.max(1, last - points[0].step)) * (PANEL.width - PANEL.left - PANEL.right);
  const y = (loss: number): number =>
    PANEL.height - PANEL.bottom - (Math.min(loss, top) / top) * (PANEL.height - PANEL.top - PANEL.bottom);
  const path = (values: readonly number[]): string => {
    const stride = Math.ceil(values.length / MAX_POINTS);
    const kept = values.map((loss, i) => ({ loss, i })).filter(({ i }) => i % stride === 0 || i === values.length - 1);
    return kept
      .map(({ loss, i }, k) => `${k === 0 ? 'M' : 'L'}${x(points[i].step).toFixed(1)} ${y(loss).toFixed(1)}`)
      .join('');
  };
  const rules = ticks.map(
    (tick) =>
      `<line class="rule" x1="${PANEL.left}" x2="${PANEL.width - PANEL.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><text class="quiet" x="${PANEL.left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick}</text>`,
  );
  const steps = niceTicks(points[0].step, last, 4)
    .filter((step) => step <= last)
    .map(
      (step) =>
        `<text class="quiet" x="${x(step).toFixed(1)}" y="${PANEL.height - 16}" text-anchor="middle">${step}</text>`,
    );
  return `<g transform="translate(${offset} 0)">
<text class="title" x="${PANEL.left}" y="20">${escapeXml(label)}</text>
<text class="quiet" x="${PANEL.width - PANEL.right}" y="20" text-anchor="end">loss ${smooth.at(-1)!.toFixed(3)}</text>
${rules.join('\n')}
${steps.join('\n')}
<text class="quiet" x="${PANEL.width - PANEL.right}" y="${PANEL.height - 4}" text-anchor="end">step</text>
<path class="raw" d="${path(points.map(({ loss }) => loss))}"/>
<path class="smooth" d="${path(smooth)}"/>
</g>`;
}

/** Exponential moving average over a twentieth of the curve, bias-corrected. */
export function smoothed(values: readonly number[]): number[] {
  const weight = 1 / Math.max(1, Math.min(50, values.length / 20));
  let mean = 0;
  let mass = 0;
  return values.map((value) => {
    mean += weight * (value - mean);
    mass += weight * (1 - mass);
    return mean / mass;
  });
}

/** About `count` round numbers that cover `low` to `high`. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const raw = Math.max(high - low, 1e-6) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= raw * 0.999)!;
  const from = Math.ceil(low / step - 1e-9);
  const to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: Math.max(2, to - from + 1) }, (_, i) => Number(((from + i) * step).toPrecision(12)));
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
