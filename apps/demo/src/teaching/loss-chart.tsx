/** @jsxImportSource preact */
/** @file The loss of each step as a growing curve, faint, with its running mean, strong. */
const [WIDTH, HEIGHT] = [320, 96];
/** Of the running mean, in steps. */
const WINDOW = 8;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

export function LossChart({ losses, steps }: { losses: readonly number[]; steps: number }) {
  const top = Math.max(...losses, 0.1) * 1.05;
  const x = (i: number): string => ((WIDTH * i) / Math.max(1, steps - 1)).toFixed(1);
  const y = (loss: number): string => (HEIGHT * (1 - loss / top)).toFixed(1);
  const line = (values: readonly number[]): string => values.map((value, i) => `${x(i)},${y(value)}`).join(' ');
  const smooth = losses.map((_, i) => mean(losses.slice(Math.max(0, i - WINDOW + 1), i + 1)));
  const last = smooth.at(-1);
  const label =
    last === undefined
      ? 'Loss: no step yet'
      : `Loss over ${losses.length} of ${steps} steps, from ${losses[0]!.toFixed(2)} to ${last.toFixed(2)}`;
  return (
    <figure class="loss">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <polyline class="each" points={line(losses)} />
        <polyline class="mean" points={line(smooth)} />
      </svg>
      <figcaption>
        <span>{top.toFixed(2)}</span>
        <span>loss</span>
        <span>0</span>
      </figcaption>
    </figure>
  );
}
