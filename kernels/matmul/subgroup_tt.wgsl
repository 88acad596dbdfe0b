enable subgroups;
// matmul/subgroup_tt: one subgroup per tile, no shared memory, no barrier: vec4s of A's rows across the lanes,
// distributed by broadcasts; the lanes own columns.
//   C[z] = alpha · (A[z]ᵀ·B[z]ᵀ) + bias  (+ C[z])        contract of matmul/naive, without a second pair
// Shapes: A float[K, M], B float[N, K], C float[M, N] (float[N, M] with SWAP); M and N multiples of 4, K even. Its use:
// B·A with few columns, as (AᵀBᵀ)ᵀ by SWAP: the gradient of LoRA's inner activations. Grid: [ceil(N / (4 · SG ·
// VEC4S)), ceil(M / ROWS), batches].
// Accumulates in f32 over ascending k, two terms a step.
// uses: lib/transposed_operands.wgsl, lib/broadcast_tile.wgsl, lib/tile_store.wgsl

@group(0) @binding(2) var<storage, read> b: array<vec2f>;

const SG = 8u; // tune: 4u 8u 16u
const ROWS = 32u; // tune: 8u 16u 32u
const VEC4S = 2u; // tune: 1u 2u
const SWAP = false; // tune: false true
alias Tile = array<vec4f, ROWS * VEC4S>;

@compute @workgroup_size(SG)
fn multiply(@builtin(workgroup_id) wg: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let first_row = wg.y * ROWS;
  let column = wg.x * (SG * VEC4S) + lane;
  let a_step = params.M / 4u;
  let step = params.K / 2u;
  let left = min(column, params.N / 4u - 1u) * 4u;
  let right = min(column + SG, params.N / 4u - 1u) * 4u;
  let row_fours = min(vec2u(first_row / 4u + lane, first_row / 4u + lane + SG), vec2u(a_step - 1u));
  var ia = row_fours + (outer * params.a_outer + inner * params.a_inner) / 4u;
  let ib = (outer * params.b_outer + inner * params.b_inner) / 2u + vec2u(left, right) * step;
  var tile: Tile;

  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u) / 2u;
  for (var k = 0u; k < terms; k++) {
    let w0 = b[ib.x + k];
    let w1 = b[ib.x + step + k];
    let w2 = b[ib.x + 2u * step + k];
    let w3 = b[ib.x + 3u * step + k];
    let w4 = b[ib.y + k];
    let w5 = b[ib.y + step + k];
    let w6 = b[ib.y + 2u * step + k];
    let w7 = b[ib.y + 3u * step + k];
    let held = Columns(vec4f(w0.x, w1.x, w2.x, w3.x), vec4f(w4.x, w5.x, w6.x, w7.x), vec4f(w0.y, w1.y, w2.y, w3.y),
      vec4f(w4.y, w5.y, w6.y, w7.y));
    multiply_fours(&tile, a[ia.x], a[ia.y], a[ia.x + a_step], a[ia.y + a_step], held);
    ia += 2u * a_step;
  }
  store_tile(&tile, wg.z, first_row, column);
}
