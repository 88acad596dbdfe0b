/** @file A matrix with its LoRA branch merged in, computed while it is written. */
import { tensor, WeightError } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { decodeFloats } from '../files/tensor-file.ts';
import type { StoredTensor } from '../files/tensor-file.ts';
import { withBranch } from '../merge-lora.ts';
import { encodePiece, PIECE, readElements } from './streamed.ts';
import type { FloatDType, StreamedTensor } from './streamed.ts';

/** The two matrices of a branch in their file, A [r, in] and B [out, r], and the scale of B·A. */
export interface StoredBranch {
  readonly a: StoredTensor;
  readonly b: StoredTensor;
  readonly scale: number;
}

const floatsOf = async (stored: StoredTensor, begin: number, end: number): Promise<Float32Array<ArrayBuffer>> =>
  decodeFloats(await readElements(stored, begin, end), stored.dtype) as Float32Array<ArrayBuffer>;

/**
 * W + scale·B·A in f32, some rows at a time, rounded once to `dtype`, like PEFT's `merge_and_unload` in f32 saved as
 * `dtype`.
 * @throws WeightError if the branch does not fit the matrix
 */
export function mergedTensor(
  gpu: Gpu,
  name: string,
  weight: StoredTensor,
  { a, b, scale }: StoredBranch,
  dtype: FloatDType,
): StreamedTensor {
  const [rows = 0, columns = 0] = weight.shape;
  const [r = 0, inner] = a.shape;
  if (weight.shape.length !== 2 || inner !== columns || b.shape[0] !== rows || b.shape[1] !== r)
    throw new WeightError(
      `merge: '${name}' is [${weight.shape.join(', ')}] and its branch A [${a.shape.join(', ')}], B [${b.shape.join(', ')}]; [out, in] takes A [r, in] and B [out, r].`,
    );
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const factor = tensor(gpu, await floatsOf(a, 0, r * columns), [r, columns]);
    try {
      const step = Math.max(1, Math.floor(PIECE / columns));
      for (let begin = 0; begin < rows; begin += step) {
        const end = Math.min(rows, begin + step);
        const [w, half] = await Promise.all([
          floatsOf(weight, begin * columns, end * columns),
          floatsOf(b, begin * r, end * r),
        ]);
        const sum = (): Tensor =>
          withBranch(tensor(gpu, w, [end - begin, columns]), factor, tensor(gpu, half, [end - begin, r]), scale);
        yield encodePiece((await gpu.scope(() => sum().read())) as Float32Array, dtype, name);
      }
    } finally {
      factor.dispose();
    }
  }
  return { name, dtype, shape: weight.shape, pieces };
}
