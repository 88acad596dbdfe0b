// matmul/naive: one lane per element of C; every layout. The baseline of the family.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias  (+ C[z])
// Shapes: A float[M, K] (or [K, M]: TRANSPOSE_A), B float[K, N] (or [N, K]: TRANSPOSE_B), C float[M, N], bias float[N];
// the second pair A2 float[M, K2], B2 float[K2, N] (or [N, K2]) continues the sum over k (LoRA); K2 = 0 leaves it out.
// Batches: z = outer · batch_inner + inner; A and B advance by their own steps (0 repeats). The last inner batch has
// K_last terms, so that split sums are batches. flags: 1 bias, 2 add to C. Grid: [ceil(N / 8), ceil(M / 8), batches].
// Accumulates in f32 over ascending k.
// Backward of the family is the family: dA = dC·Bᵀ, dB = Aᵀ·dC.
// B may be a packed weight, unpacked on the fly (FORMAT); group is the number of its adjacent elements that share a
// scale.
// uses: lib/matmul_params.wgsl, lib/matmul_operands.wgsl, lib/load_weight.wgsl, lib/weight_element.wgsl

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true

@compute @workgroup_size(8, 8)
fn multiply(@builtin(workgroup_id) wg: vec3u,
  @builtin(local_invocation_id) local: vec3u) {
  let col = wg.x * 8u + local.x;
  let row = wg.y * 8u + local.y;
  if (row >= params.M || col >= params.N) { return; }
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  var ia = outer * params.a_outer + inner * params.a_inner + select(row * params.K, row, TRANSPOSE_A);
  var ib = outer * params.b_outer + inner * params.b_inner + select(col, col * params.K, TRANSPOSE_B);
  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u);
  var sum = 0.0;
  for (var k = 0u; k < terms; k++) {
    sum += a[ia] * weight_of(b[ib / PER_WORD], ib);
    ia += select(1u, params.M, TRANSPOSE_A);
    ib += select(params.N, 1u, TRANSPOSE_B);
  }
  for (var k = 0u; k < params.K2; k++) {
    sum += a2[row * params.K2 + k] * b2[select(k * params.N + col, col * params.K2 + k, TRANSPOSE_B)];
  }
  sum *= params.alpha;
  if ((params.flags & 1u) != 0u) { sum += bias[col]; }
  let at = (wg.z * params.M + row) * params.N + col;
  if ((params.flags & 2u) != 0u) { sum += c[at]; }
  c[at] = sum;
}
