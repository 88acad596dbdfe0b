/** @file ./pack check: the op table on the adapter that is found: every case by every variant, forward and backward, against float64. */
import { parseArgs } from 'node:util';
import { CurioError, enableSubgroupMatrix, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { checkCase, labelOf, opTables } from '@curio/engine/check';
import type { Case, OpCases } from '@curio/engine/check';

const SEED = 1;

interface Count { ok: number; readonly wrong: string[]; left: number; worst: number }

async function judge(gpu: Gpu, table: OpCases<never>, c: Case<never>, choice: readonly [string, string] | null, count: Count): Promise<void> {
  gpu.forced.clear();
  gpu.obeyed.clear();
  if (choice) gpu.forced.set(...choice);
  const name = `${table.op} ${choice?.join(' ') ?? ''} ${labelOf(c)}`;
  try {
    const { ok, message, worst } = await checkCase(gpu, table, c, SEED);
    if (choice && !gpu.obeyed.has(choice[0])) return; // the variant does not fit: what ran instead is a check of its own
    count.worst = Math.max(count.worst, worst);
    if (ok) count.ok++;
    else count.wrong.push(`${name}: ${message}`);
  } catch (error) {
    if (!(error instanceof CurioError)) throw error;
    count.wrong.push(`${name}: ${error.message}`);
    await gpu.synchronize(); // throws where the device is of no more use
  } finally {
    gpu.forced.clear();
  }
}

async function check(only: RegExp | null, seconds: number): Promise<number> {
  const gpu = await openGpu();
  gpu.poison = true;
  const { description, vendor, architecture, device } = gpu.adapter;
  console.log(`${description || device || `${vendor} ${architecture}`}${gpu.adapter.isSoftware ? ' (software)' : ''}; features ${gpu.adapter.features.join(', ')}`);
  const end = performance.now() + 1000 * seconds;
  const total: Count = { ok: 0, wrong: [], left: 0, worst: 0 };
  const fault = await enableSubgroupMatrix(gpu);
  gpu.halfProducts = false;
  console.log(`matrix units: ${fault ?? 'agree with the usual kernel'}`);
  if (gpu.adapter.subgroupMatrix && fault) total.wrong.push(fault);
  const register = opTables as readonly OpCases<never>[];
  for (const table of register.filter(({ op }) => !only || only.test(op))) {
    const count: Count = { ok: 0, wrong: [], left: 0, worst: 0 };
    const choices = Object.entries(table.families ?? {}).flatMap(([family, variants]) => Object.keys(variants).map((variant): [string, string] => [family, variant]));
    for (const choice of [null, ...choices]) {
      for (const c of table.cases) {
        if (performance.now() > end) count.left++;
        else await judge(gpu, table, c, choice, count);
      }
    }
    gpu.trim();
    console.log(`${count.wrong.length > 0 ? 'WRONG' : 'ok   '} ${table.op.padEnd(28)} ${String(count.ok).padStart(4)} right${count.wrong.length > 0 ? `, ${count.wrong.length} wrong` : ''}${count.left > 0 ? `, ${count.left} left out` : ''}, worst error ${count.worst.toFixed(2)} of what is allowed`);
    for (const sentence of count.wrong.slice(0, 5)) console.log(`      ${sentence}`);
    total.ok += count.ok;
    total.wrong.push(...count.wrong);
    total.left += count.left;
  }
  console.log(`${total.ok} checks right, ${total.wrong.length} wrong${total.left > 0 ? `, ${total.left} left out after ${seconds} s` : ''}; seed ${SEED}`);
  gpu.close();
  return total.wrong.length > 0 || total.ok === 0 ? 1 : 0;
}

/** Prints the adapter's name. Fails where there is none, or where a GPU is asked for and it is none. */
async function probe(wanted: string): Promise<number> {
  const gpu = await openGpu();
  const { description, vendor, architecture, isSoftware } = gpu.adapter;
  gpu.close();
  console.log(description || `${vendor} ${architecture}`);
  return wanted === 'gpu' && isSoftware ? 1 : 0;
}

const { values } = parseArgs({ options: { only: { type: 'string' }, budget: { type: 'string', default: '1e9' }, adapter: { type: 'string' } } });
try {
  process.exitCode = values.adapter ? await probe(values.adapter) : await check(values.only ? new RegExp(values.only) : null, Number(values.budget));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 3;
}
