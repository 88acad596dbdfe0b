/** @jsxImportSource preact */
/** @file Times as bars: yours, Curio’s own, the other variants, and what the device can do at best. */
import type { Figures } from './timing.ts';

const ms = (value: number): string => `${value < 100 ? value.toPrecision(2) : Math.round(value)}\u00a0ms`;
const percent = (share: number): string => `${share < 0.1 ? (100 * share).toFixed(1) : Math.round(100 * share)}\u00a0%`;

function Bars({ shape, direction, figures }: Figures) {
  const longest = Math.max(...figures.map((figure) => figure.ms));
  const roof = figures.find(({ kind }) => kind === 'roof');
  return (
    <table class="bars" data-direction={direction}>
      <caption>
        {direction === 'forward' ? 'Forward' : 'Backward'}, {shape}
      </caption>
      <thead>
        <tr>
          <th scope="col">Kernel</th>
          <th scope="col">Time</th>
          {roof && <th scope="col">Of the roof</th>}
        </tr>
      </thead>
      <tbody>
        {figures.map(({ name, kind, ms: time }) => (
          <tr key={name} data-kind={kind}>
            <th scope="row">
              {name}
              <i class="bar" aria-hidden="true" style={{ width: `${Math.max(1, (100 * time) / longest)}%` }} />
            </th>
            <td>{ms(time)}</td>
            {roof && <td>{kind === 'roof' ? '' : percent(roof.ms / time)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** `1.3 times as fast as Curio’s own forward and 0.9 times backward` */
export function speedSaid(tables: readonly Figures[]): string {
  const parts = tables.flatMap(({ direction, figures }) => {
    const [yours, own] = (['yours', 'own'] as const).map((kind) => figures.find((figure) => figure.kind === kind)?.ms);
    return yours && own ? [`${(own / yours).toPrecision(2)} times as fast as Curio’s own ${direction}`] : [];
  });
  return parts.length > 0 ? `Yours is ${parts.join(', ')}.` : '';
}

export function Bench({ tables }: { tables: readonly Figures[] }) {
  return (
    <>
      <p id="lab-speed">{speedSaid(tables)}</p>
      <div class="tables">
        {tables.map((table) => (
          <Bars key={table.direction} {...table} />
        ))}
      </div>
      <p class="hint">
        The best of a few rounds each, in turn, so that what disturbs the device disturbs all. The roof is what this
        device needs for as much data or arithmetic alone.
      </p>
    </>
  );
}
