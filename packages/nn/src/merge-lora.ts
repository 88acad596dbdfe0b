/** @file Merges LoRA into the matrices it belongs to. */
import { add, isPacked, matmul, mul, WeightError } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { loraOf } from './lora.ts';
import type { LoraOptions } from './lora.ts';

/** W + scale·B·A: weight f32[out, in], b f32[out, r], a f32[r, in] → f32[out, in]. */
export const withBranch = (weight: Tensor, a: Tensor, b: Tensor, scale: number): Tensor =>
  add(weight, mul(matmul(b, a), scale));

/**
 * W ← W + scale·B·A for every pair `….lora_A.weight` [r, in], `….lora_B.weight` [out, r] beside a `….weight` [out, in],
 * and B ← 0, so that the model computes the same as before and the base contains the branch. The scale is `loraOf`'s.
 * As PEFT's `merge_and_unload`.
 * @returns the names of the matrices that had a branch
 * @throws WeightError, before anything is changed, when such a matrix is missing or packed
 */
export async function mergeLora(parameters: readonly Parameter[], lora: LoraOptions): Promise<string[]> {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const pairs = parameters
    .filter(({ name }) => name.endsWith('.lora_A.weight'))
    .map((a) => {
      const stem = a.name.slice(0, -'.lora_A.weight'.length);
      const [b, weight] = [byName.get(`${stem}.lora_B.weight`), byName.get(`${stem}.weight`)];
      if (!b || !weight)
        throw new WeightError(
          `mergeLora: '${a.name}' has no '${stem}.${b ? '' : 'lora_B.'}weight'; LoRA needs A, B and the matrix that they belong to.`,
        );
      if (isPacked(weight.dtype))
        throw new WeightError(
          `mergeLora: '${weight.name}' is stored as ${weight.dtype}; LoRA can only be merged into f32 matrices, so open the base as f32.`,
        );
      const branch = loraOf(stem, lora);
      if (branch?.r !== a.shape[0])
        throw new WeightError(
          `mergeLora: '${a.name}' is [${a.shape.join(', ')}] and the options give '${stem}' ${branch ? `rank ${branch.r}` : 'no branch'}; use the options that the model was created with.`,
        );
      return { a, b, weight, scale: branch.scale };
    });
  for (const { a, b, weight, scale } of pairs) {
    const merged = (await weight.gpu.scope(() => withBranch(weight, a, b, scale).read())) as Float32Array<ArrayBuffer>;
    weight.write(merged);
    b.write(new Float32Array(b.size));
  }
  return pairs.map(({ weight }) => weight.name);
}
