/**
 * @file The bits that a device gives for every case of the op table, forward and backward, and where two devices part.
 */
import { openGpu } from '@curio/engine';
import type { HostArray } from '@curio/engine';
import { makeInputs, runCase } from '@curio/engine/check';
import type { Array64, OpCases } from '@curio/engine/check';

/** Inputs must be the same everywhere, so the seed is fixed. */
const SEED = 20240311;

export interface CaseBits {
  readonly op: string;
  /** `op, number of its case: label` */
  readonly key: string;
  /** Of the inputs as the host made them; these may differ where the runtime's own log and cos do. */
  readonly inputs: string;
  /** Of y, then of each gradient that came. */
  readonly outputs: readonly string[];
  /** The outputs in full, if asked for. */
  readonly values?: readonly (readonly number[])[];
}

export interface TableBits {
  readonly adapter: string;
  readonly cases: readonly CaseBits[];
}

/** Two FNV-1a hashes of the words, and their number. */
export function fingerprint(data: HostArray): string {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ (word >>> 16) ^ (word << 16), 0x85ebca6b);
  }
  return `${words.length}:${(a >>> 0).toString(16)}${(b >>> 0).toString(16)}`;
}

const fingerprintInputs = (inputs: readonly (Array64 | null)[]): string =>
  inputs.map((x) => (x ? fingerprint(Float32Array.from(x.data)) : '-')).join(' ');

/**
 * Every case of `tables` by the kernels that the device would choose.
 * @param wanted keys of the cases whose outputs are to be given in full
 */
export async function tableBits(
  tables: readonly OpCases<unknown>[],
  wanted: readonly string[] = [],
): Promise<TableBits> {
  const gpu = await openGpu({ seed: 1 });
  const cases: CaseBits[] = [];
  for (const table of tables) {
    for (const [i, c] of table.cases.entries()) {
      const key = `${table.op}, ${i}: ${c.label ?? ''}`;
      if (wanted.length > 0 && !wanted.includes(key)) continue;
      const inputs = makeInputs(c, SEED);
      const { y, grads } = await runCase(gpu, table, c, inputs, SEED);
      const outputs = [y, ...grads].filter((data) => data !== null);
      cases.push({
        op: table.op,
        key,
        inputs: fingerprintInputs(inputs),
        outputs: outputs.map(fingerprint),
        ...(wanted.length > 0 ? { values: outputs.map((data) => Array.from(data)) } : {}),
      });
    }
  }
  const { vendor, architecture, description, subgroupSize } = gpu.adapter;
  gpu.close();
  return {
    adapter: [vendor, architecture, description, `subgroups ${subgroupSize?.min ?? 'none'}`].filter(Boolean).join(' '),
    cases,
  };
}

/** Keys of the cases that got the same inputs and gave other outputs, and of those whose inputs already differ. */
export function compareBits(a: TableBits, b: TableBits): { readonly differ: string[]; readonly otherInputs: string[] } {
  const there = new Map(b.cases.map((c) => [c.key, c]));
  const otherInputs = a.cases.filter((c) => there.get(c.key)?.inputs !== c.inputs).map((c) => c.key);
  const differ = a.cases
    .filter((c) => there.get(c.key)?.inputs === c.inputs && there.get(c.key)?.outputs.join() !== c.outputs.join())
    .map((c) => c.key);
  return { differ, otherInputs };
}

/**
 * By op: how many of its cases differ, in how many elements, and by how much at most, over the largest magnitude of the
 * output.
 */
export function differenceTable(a: TableBits, b: TableBits): string {
  const there = new Map(b.cases.map((c) => [c.key, c]));
  const rows = new Map<string, { cases: number; elements: number; of: number; worst: number }>();
  for (const { op, key, values } of a.cases) {
    const row = rows.get(op) ?? { cases: 0, elements: 0, of: 0, worst: 0 };
    rows.set(op, row);
    row.cases++;
    for (const [k, here] of values!.entries()) {
      const other = there.get(key)!.values![k]!;
      const scale = other.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
      row.of += here.length;
      here.forEach((value, i) => {
        if (Object.is(value, other[i])) return;
        row.elements++;
        row.worst = Math.max(row.worst, Math.abs(value - other[i]!) / scale);
      });
    }
  }
  const lines = [...rows].map(
    ([op, { cases, elements, of, worst }]) =>
      `${op}: ${cases} cases, ${elements} of ${of} elements, ${worst.toExponential(1)}`,
  );
  return ['op: cases that differ, elements that differ in them, largest difference', ...lines].join('\n');
}
