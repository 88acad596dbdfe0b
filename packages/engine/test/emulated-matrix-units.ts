/**
 * The kernel for matrix units as plain WGSL, for adapters without them: a matrix is 8 by 8, and a lane of eight holds a
 * row of it. All the rest of the kernel, which is nearly all that can be wrong in it, stays as it is.
 */
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import type { Gpu } from '../src/index.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';

const UNIT = { M: 8, N: 8, K: 8 };

/**
 * Operands are read where they are multiplied; the loop bounds that no compiler can know keep the text short, which
 * Lavapipe takes seconds to compile otherwise.
 */
const MATRICES = `
struct Operand { at: u32, stride: u32, is_row: bool }
var<private> own_row: u32;
var<private> eight: u32;

fn load_row(at: u32, stride: u32) -> Operand { return Operand(4u * at, 4u * stride, true); }
fn load_col(at: u32, stride: u32) -> Operand { return Operand(4u * at, 4u * stride, false); }

fn row_of_left(left: Operand, k: u32) -> f32 {
  let at = left.at + select(k * left.stride + own_row, own_row * left.stride + k, left.is_row);
  return a_tile[at / 4u][at % 4u];
}

fn multiply_accumulate(left: Operand, right: Operand, sums: mat2x4f) -> mat2x4f {
  var result = sums;
  for (var k = 0u; k < eight; k++) {
    let factor = row_of_left(left, k);
    if (right.is_row) {
      let at = (right.at + k * right.stride) / 4u;
      result += factor * mat2x4f(b_tile[at], b_tile[at + 1u]);
    } else {
      var column = array<f32, 8>();
      for (var n = 0u; n < eight; n++) { column[n] = b_tile[(right.at + n * right.stride + k) / 4u][k % 4u]; }
      result += factor * mat2x4f(column[0], column[1], column[2], column[3], column[4], column[5], column[6], column[7]);
    }
  }
  return result;
}`;

const store = (to: string): string => `
fn store_${to}(at: u32, sums: mat2x4f, stride: u32) {
  for (var i = 0u; i < eight; i++) { ${to}[at + own_row * stride + i] = sums[i / 4u][i % 4u]; }
}`;

function emulated(kernel: KernelSource): KernelSource {
  /** Halves as floats that are rounded alike. */
  const inFloats = (text: string): string =>
    text
      .replaceAll(/bitcast<vec4<f16>>\((\w+)\.(\w)(\w)\)/g, 'vec4f(unpack2x16float($1.$2), unpack2x16float($1.$3))')
      .replaceAll(/bitcast<vec4<f16>>\((\w+)\)/g, 'vec4f(unpack2x16float($1.x), unpack2x16float($1.y))')
      .replaceAll('vec4<f16>(', 'quantizeToF16(')
      .replaceAll('vec4<f16>', 'vec4f');
  const code = inFloats(kernel.code)
    .replace('enable f16;', '')
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace('diagnostic(off, chromium.subgroup_matrix_uniformity);', '')
    .replaceAll(/alias (Left|Right) = .*/g, 'alias $1 = Operand;')
    .replace(/alias Sums = .*/, 'alias Sums = mat2x4f;')
    .replace('let subgroup = lane / SG;', 'let subgroup = lane / SG; own_row = lane % SG; eight = min(8u, params.M);')
    .replaceAll(/subgroupMatrixLoad<\w+, (row|col)_major>\(&\w+, /g, 'load_$1(')
    .replaceAll(/subgroupMatrixStore<row_major>\(&(\w+), /g, 'store_$1(')
    .replace('k < DEPTH / MATRIX_K', 'k < min(DEPTH / MATRIX_K, params.K)')
    .replaceAll('subgroupMatrixMultiplyAccumulate', 'multiply_accumulate');
  const lib = inFloats(kernel.lib).replace('at < MATRIX_M * MATRIX_N', 'at < min(MATRIX_M * MATRIX_N, eight * eight)');
  return { ...kernel, code, lib: lib + MATRICES + store('c') + store('results') };
}

/** Whether a subgroup has as many lanes as a matrix has rows. */
export const canEmulate = ({ adapter: { subgroupSize } }: Gpu): boolean =>
  subgroupSize?.min === 8 && subgroupSize.max === 8;

/** Lets `gpu` report matrix units of 8 by 8 by 8, compute what they would, and use them for products. */
export function emulateMatrixUnits(gpu: Gpu): void {
  (gpu.adapter as { subgroupMatrix: typeof UNIT | null }).subgroupMatrix = UNIT;
  gpu.kernels.replacements.useKernel(
    matmulSubgroupMatrix as KernelSource,
    emulated(matmulSubgroupMatrix as KernelSource),
  );
  gpu.kernels.enableHalfProducts();
}
