/** @file Runs ONNX's cases on the engine, and says of each whether it is right, wrong, or what is missing for it. */
import { cast, isPacked } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import type { GoldenFile } from '../golden.ts';
import { elementwise } from './elementwise.ts';
import { layout } from './layout.ts';
import { Missing, Node } from './node.ts';
import type { Described, Expressions, Lack, OnnxCase } from './node.ts';
import { reduce } from './reduce.ts';
import { rows } from './rows.ts';
import { window } from './window.ts';

/** Each operator of ONNX that the engine's ops express. */
export const expressions: Expressions = { ...elementwise, ...layout, ...reduce, ...rows, ...window };

export type Verdict =
  | { readonly is: 'right' }
  | { readonly is: 'wrong'; readonly why: string }
  | { readonly is: 'missing'; readonly lack: Lack; readonly what: string };

/** How far a float may be off: so much of itself and of the greatest of the tensor. All else must be equal. */
export const TOLERANCE = { own: 1e-5, greatest: 1e-6 } as const;

/** Cases of which ONNX itself has three digits alone. */
const ROUGH: Readonly<Record<string, number>> = { averagepool_2d_ceil_last_window_starts_on_pad: 1e-3 };

const HELD = new Set(['float', 'double', 'int32', 'int64', 'uint32', 'bool', 'float16', 'bfloat16']);
const STORAGE = new Set(['float16', 'bfloat16']);

/** Throws Missing where no expression could help. */
function requireHeld(c: OnnxCase, file: GoldenFile): void {
  if (!expressions[c.operator]) throw new Missing('op', c.operator);
  const isCast = c.operator === 'Cast' || c.operator === 'CastLike';
  for (const side of [c.inputs, c.outputs])
    for (const each of side)
      if (each && !(HELD.has(each.type) && (isCast || !STORAGE.has(each.type)))) throw new Missing('type', each.type);
  const isThere = [...c.inputs.keys()].every((i) => !c.inputs[i] || file.tensors.has(`${c.name}.in.${i}`));
  if (!isThere || !file.tensors.has(`${c.name}.out.0`)) throw new Missing('size', c.name);
}

/** Runs one case. */
export async function judge(gpu: Gpu, file: GoldenFile, c: OnnxCase): Promise<Verdict> {
  try {
    requireHeld(c, file);
    const outputs = gpu.scope(() => {
      const made = expressions[c.operator]!(new Node(gpu, c, file));
      return (Array.isArray(made) ? made : [made]).map(
        (y) => y && { shape: y.shape, dtype: y.dtype, read: readable(y).read() },
      );
    });
    for (const [i, wanted] of c.outputs.entries()) {
      if (!wanted) continue;
      const y = outputs[i];
      if (!y) throw new Missing('option', `output ${i} of ${c.operator}`);
      const right = file.tensor(`${c.name}.out.${i}`).data;
      const why = compareShapes(y.shape, wanted) ?? compare(await y.read, right, wanted.type, ROUGH[c.name]);
      if (why) return { is: 'wrong', why: `output ${i}: ${why}` };
    }
    return { is: 'right' };
  } catch (error) {
    if (error instanceof Missing) return { is: 'missing', lack: error.lack, what: error.what };
    return { is: 'wrong', why: (error as Error).message };
  }
}

const readable = (y: Tensor): Tensor => (isPacked(y.dtype) ? cast(y, 'f32') : y);

const compareShapes = (got: readonly number[], { shape }: Described): string | null =>
  got.length === shape!.length && got.every((n, i) => n === shape![i])
    ? null
    : `the shape is [${got.join(', ')}]; it must be [${shape!.join(', ')}]`;

/** The first element that is wrong, in words; null where there is none. */
function compare(
  got: ArrayLike<number>,
  right: ArrayLike<number>,
  type: string,
  own: number = TOLERANCE.own,
): string | null {
  const isExact = type !== 'float' && type !== 'double';
  let greatest = 0;
  for (let i = 0; i < right.length; i++)
    if (Number.isFinite(right[i])) greatest = Math.max(greatest, Math.abs(right[i]!));
  for (let i = 0; i < right.length; i++) {
    const [a, b] = [type === 'uint32' ? got[i]! | 0 : got[i]!, right[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const most = own * Math.abs(b) + TOLERANCE.greatest * greatest;
    if (isExact || !Number.isFinite(b) || !(Math.abs(a - b) <= most)) return `element ${i} is ${a}; it must be ${b}`;
  }
  return null;
}
