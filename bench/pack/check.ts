/**
 * @file ./pack check: the op table on this machine's adapter: every case by every variant, forward and backward,
 * against float64.
 */
import { parseArgs } from 'node:util';
import { CurioError, openGpu, subgroupMatrixFault } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { checkCase, labelOf, opTables, pipelinesOf } from '@curio/engine/check';
import type { Case, OpCases } from '@curio/engine/check';
import { attempt, emit } from '../src/first-run/report.ts';

const SEED = 1;
/** Lost devices before the check gives up. */
const MAX_LOST = 40;

interface Count {
  ok: number;
  readonly wrong: string[];
  left: number;
  worst: number;
}

/** The device under check, which is replaced when a kernel loses it. */
class Bench {
  /** Whether products run on matrix units. */
  onUnits = false;
  private lost = 0;

  private constructor(public gpu: Gpu) {}

  static open = async (): Promise<Bench> => new Bench(await Bench.device());

  private static async device(): Promise<Gpu> {
    const gpu = await openGpu();
    gpu.probe.poison = true;
    return gpu;
  }

  /** Replaces the device if it is unusable. */
  async recover(): Promise<void> {
    try {
      await this.gpu.synchronize();
    } catch (error) {
      if (++this.lost > MAX_LOST) throw error;
      this.gpu.close();
      this.gpu = await Bench.device();
    }
  }
}

async function judge(
  bench: Bench,
  table: OpCases<never>,
  c: Case<never>,
  choice: readonly [string, string] | null,
  count: Count,
): Promise<void> {
  const { gpu } = bench;
  gpu.kernels.forced.clear();
  gpu.kernels.obeyed.clear();
  if (choice) gpu.kernels.forced.set(...choice);
  const name = `${table.op} ${choice?.join(' ') ?? ''} ${labelOf(c)}`;
  attempt({ fact: `failed: check of ${table.op}`, value: `${name}: the process ended over it, or was ended` });
  try {
    // Compiled ahead of time, a kernel that does not compile costs only its cases, not the device.
    const asked = pipelinesOf(gpu, table, [c], (dry) => {
      if (choice) dry.kernels.forced.set(...choice);
      if (bench.onUnits) dry.kernels.enableHalfProducts();
    });
    for (const { kernel, entry, tuning } of asked) await gpu.prepare(kernel, entry, tuning);
    const { ok, message, worst } = await gpu.kernels.withHalfProducts(bench.onUnits, () =>
      checkCase(gpu, table, c, SEED),
    );
    // the variant does not fit: what ran instead has a check of its own
    if (choice && !gpu.kernels.obeyed.has(choice[0])) return;
    count.worst = Math.max(count.worst, worst);
    if (ok) count.ok++;
    else count.wrong.push(`${name}: ${message}`);
  } catch (error) {
    if (!(error instanceof CurioError)) throw error;
    count.wrong.push(`${name}: ${error.message.split('\n')[0]}`);
    await bench.recover();
  } finally {
    gpu.kernels.forced.clear();
  }
}

/** A shard of the cases: `2/6` for the second of six processes. */
interface Share {
  readonly index: number;
  readonly of: number;
}

function shareOf(text: string): Share {
  const [index, of] = text.split('/').map(Number) as [number, number];
  if (!(index >= 1 && index <= of)) throw new Error(`check: --share is '${text}'; it must be i/n, such as 2/6.`);
  return { index: index - 1, of };
}

/**
 * Rounding to f16 has a relative error of 2⁻¹¹; attention passes the error of a score, which grows with its terms, on
 * through exp.
 */
const [HALVED, HALVED_SCORES] = [100, 200];

const isAttention = ({ families }: OpCases<never>): boolean => 'attention' in (families ?? {});

/** Whether f16 can hold all numbers of a case. */
const fitsHalves = ({ inputs }: Case<never>): boolean =>
  inputs.every((input) => {
    const values = (input && 'shape' in input && input.values) || [];
    return Array.from(values).every((value) => Math.abs(value) <= 65504 || !Number.isFinite(value));
  });

/**
 * A table's cases on matrix units, if it runs there; the same sizes are also checked with the usual kernels.
 */
const onMatrixUnits = (table: OpCases<never>): OpCases<never> =>
  ({
    ...table,
    op: `${table.op} on matrix units`,
    cases: table.cases.filter(fitsHalves),
    tolerance: {
      ...table.tolerance,
      factor: (isAttention(table) ? HALVED_SCORES : HALVED) * (table.tolerance?.factor ?? 1),
    },
  }) as OpCases<never>;

const usesMatrixUnits = (table: OpCases<never>): boolean =>
  isAttention(table) || Object.keys(table.families ?? {}).some((family) => family.startsWith('matmul '));

async function checkTable(
  bench: Bench,
  table: OpCases<never>,
  choices: readonly (readonly [string, string] | null)[],
  { index, of }: Share,
  end: number,
  seconds: number,
): Promise<Count> {
  const count: Count = { ok: 0, wrong: [], left: 0, worst: 0 };
  const cases = table.cases.filter((_, i) => i % of === index);
  for (const choice of choices) {
    for (const c of cases) {
      if (performance.now() > end) count.left++;
      else await judge(bench, table, c, choice, count);
    }
  }
  bench.gpu.trim();
  if (cases.length === 0) return count;
  console.log(
    `${count.wrong.length > 0 ? 'WRONG' : 'ok   '} ${table.op.padEnd(28)} ${String(count.ok).padStart(4)} right${count.wrong.length > 0 ? `, ${count.wrong.length} wrong` : ''}${count.left > 0 ? `, ${count.left} left out after ${seconds} s` : ''}, worst error ${count.worst.toFixed(2)} of what is allowed`,
  );
  for (const sentence of count.wrong.slice(0, 5)) console.log(`      ${sentence}`);
  for (const sentence of count.wrong) emit({ fact: `failed: check of ${table.op}`, value: sentence });
  return count;
}

async function check({
  only,
  seconds,
  share,
  units,
}: {
  only: RegExp | null;
  seconds: number;
  share: Share;
  units: boolean;
}): Promise<number> {
  const bench = await Bench.open();
  const { gpu } = bench;
  const { description, vendor, architecture, device } = gpu.adapter;
  console.log(
    `${description || device || `${vendor} ${architecture}`}${gpu.adapter.isSoftware ? ' (software)' : ''}; features ${gpu.adapter.features.join(', ')}`,
  );
  const end = performance.now() + 1000 * seconds;
  const total: Count = { ok: 0, wrong: [], left: 0, worst: 0 };
  const fault = await subgroupMatrixFault(gpu);
  console.log(`matrix units: ${fault ?? 'agree with the usual kernel'}`);
  if (gpu.adapter.subgroupMatrix && fault) total.wrong.push(fault);
  const add = (count: Count): void => {
    total.ok += count.ok;
    total.wrong.push(...count.wrong);
    total.left += count.left;
  };
  const tables = (opTables as readonly OpCases<never>[]).filter(({ op }) => !only || only.test(op));
  if (units && !fault) {
    bench.onUnits = true;
    for (const table of tables.filter(usesMatrixUnits))
      add(await checkTable(bench, onMatrixUnits(table), [null], share, end, seconds));
    bench.onUnits = false;
  }
  for (const table of tables) {
    const choices = Object.entries(table.families ?? {}).flatMap(([family, variants]) =>
      Object.keys(variants).map((variant): [string, string] => [family, variant]),
    );
    add(await checkTable(bench, table, [null, ...choices], share, end, seconds));
  }
  console.log(
    `${total.ok} checks right, ${total.wrong.length} wrong${total.left > 0 ? `, ${total.left} left out after ${seconds} s` : ''}; seed ${SEED}`,
  );
  emit({
    fact: `checks${share.of > 1 ? `, share ${share.index + 1} of ${share.of}` : ''}`,
    value: { right: total.ok, wrong: total.wrong.length, left: total.left, matrixUnits: fault ?? 'right' },
  });
  bench.gpu.close();
  if (total.wrong.length > 0)
    console.error(`check: ${total.wrong.length} of ${total.ok + total.wrong.length} are wrong`);
  return total.wrong.length > 0 || total.ok === 0 ? 1 : 0;
}

/** Prints the adapter's name. Fails if there is none, or if a GPU is required and it is not one. */
async function probe(wanted: string): Promise<number> {
  const gpu = await openGpu();
  const { description, vendor, architecture, isSoftware } = gpu.adapter;
  gpu.close();
  console.log(description || `${vendor} ${architecture}`);
  return wanted === 'gpu' && isSoftware ? 1 : 0;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    budget: { type: 'string', default: '1e9' },
    share: { type: 'string', default: '1/1' },
    'matrix-units': { type: 'boolean', default: false },
    adapter: { type: 'string' },
  },
});
try {
  process.exitCode = values.adapter
    ? await probe(values.adapter)
    : await check({
        only: values.only ? new RegExp(values.only) : null,
        seconds: Number(values.budget),
        share: shareOf(values.share),
        units: values['matrix-units'],
      });
} catch (error) {
  console.error(error instanceof Error ? error.message.split('\n')[0] : String(error));
  process.exitCode = 3;
}
