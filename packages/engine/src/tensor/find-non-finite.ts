/** @file Finds the origin of a NaN or an infinity: runs a forward pass again and checks every op's output. */
import type { Gpu } from '../gpu/gpu.ts';
import { noGrad } from './autograd.ts';
import { byteLength } from './dtype.ts';
import { watchOps } from './op.ts';
import { Parameter } from './parameter.ts';
import type { Tensor } from './tensor.ts';

/**
 * The first of `parameters` that holds a value that is not finite, by name; else the first op of `f`, recorded without
 * a tape, whose output does, with a parameter that it used; null when all are finite. Slow: it reads all of them back.
 */
export async function findNonFinite(
  gpu: Gpu,
  f: () => Tensor,
  parameters: readonly Parameter[] = [],
): Promise<string | null> {
  for (const some of inBatches(parameters)) {
    const found = (await Promise.all(some.map(badElement))).find((name) => name);
    if (found) return found;
  }
  const outputs: { name: string; values: Promise<ArrayLike<number>> }[] = [];
  gpu.scope(() =>
    watchOps(
      (op, inputs, y) => {
        if (y.dtype !== 'f32') return;
        const parameters = inputs.flatMap((x) => (x instanceof Parameter ? [x.name] : []));
        outputs.push({ name: parameters.length > 0 ? `${op} with ${parameters[0]}` : op, values: y.read() });
      },
      () => void noGrad(f),
    ),
  );
  // All of them, whichever is found first: a read still on its way when the caller closes the device would fail
  // unhandled.
  const all = await Promise.all(outputs.map(({ values }) => values));
  for (const [i, { name }] of outputs.entries()) {
    const read = Array.from(all[i]!);
    const bad = read.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) return `output of ${name} (element ${bad} is ${read[bad]})`;
  }
  return null;
}

/** Bytes that are read back at a time, of several parameters or one. */
const BATCH_BYTES = 2 ** 26;

function* inBatches(parameters: readonly Parameter[]): Generator<Parameter[]> {
  let [batch, bytes]: [Parameter[], number] = [[], 0];
  for (const parameter of parameters) {
    batch.push(parameter);
    bytes += byteLength(parameter.dtype, parameter.size);
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  yield batch;
}

/** Exponent bits of the two halves of a word; all set in infinity and NaN. */
const EXPONENTS = { f16: [0x7c00, 0x7c000000], bf16: [0x7f80, 0x7f800000] } as const;

/** Its name and the first element that is not finite, or scale if it is quantised. */
async function badElement(parameter: Parameter): Promise<string | null> {
  const { name, dtype, quantisation } = parameter;
  if (dtype === 'f16' || dtype === 'bf16') {
    const [low, high] = EXPONENTS[dtype];
    const words = (await parameter.read()) as Uint32Array;
    const at = words.findIndex((word) => (word & low) === low || (word & high) === high);
    return at < 0 ? null : `${name} (element ${2 * at + ((words[at]! & low) === low ? 0 : 1)} of ${dtype})`;
  }
  const values = quantisation ? (quantisation.blocks ?? quantisation.scales) : dtype === 'f32' ? parameter : null;
  const read = values ? ((await values.read()) as Float32Array) : new Float32Array(0);
  const at = read.findIndex((v) => !Number.isFinite(v));
  return at < 0
    ? null
    : `${name} (${quantisation?.blocks ? 'scale of scales' : quantisation ? 'scale' : 'element'} ${at} is ${read[at]})`;
}
