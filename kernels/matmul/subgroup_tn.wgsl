enable subgroups;
// matmul/subgroup_tn: one subgroup per tile, no shared memory, no barrier: vec4s of A's rows across the lanes,
// distributed by broadcasts; the lanes own columns.
//   C[z] = alpha · (A[z]ᵀ·B[z]) + bias  (+ C[z])        contract of matmul/naive, without a second pair
// Shapes: A float[K, M], B float[K, N], C float[M, N] (float[N, M] with SWAP); M and N multiples of 4, K any. Its use:
// gradients of weights, dW = dyᵀ·x, where K counts rows. Grid: [ceil(N / (4 · SG · VEC4S)), ceil(M / ROWS), batches].
// Accumulates in f32 over ascending k, two terms a step.
// uses: lib/transposed_operands.wgsl, lib/broadcast_tile.wgsl, lib/tile_store.wgsl

@group(0) @binding(2) var<storage, read> b: array<vec4f>;

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
  let b_step = params.N / 4u;
  let row_fours = min(vec2u(first_row / 4u + lane, first_row / 4u + lane + SG), vec2u(a_step - 1u));
  var ia = row_fours + (outer * params.a_outer + inner * params.a_inner) / 4u;
  var ib = min(vec2u(column, column + SG), vec2u(b_step - 1u)) + (outer * params.b_outer + inner * params.b_inner) / 4u;
  var tile: Tile;

  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u);
  for (var k = 0u; k + 1u < terms; k += 2u) {
    let held = Columns(b[ib.x], b[ib.y], b[ib.x + b_step], b[ib.y + b_step]);
    multiply_fours(&tile, a[ia.x], a[ia.y], a[ia.x + a_step], a[ia.y + a_step], held);
    ia += 2u * a_step;
    ib += 2u * b_step;
  }
  if (terms % 2u == 1u) { add_last(&tile, ia, ib); }
  store_tile(&tile, wg.z, first_row, column);
}

// The last of an odd number of terms, in a rolled loop: rare, and unrolled it would double the code.
fn add_last(tile: ptr<function, Tile>, ia: vec2u, ib: vec2u) {
  let b0 = b[ib.x];
  let b1 = b[ib.y];
  let p = a[ia.x];
  let q = a[ia.y];
  for (var r = 0u; r < ROWS; r++) {
    let four = select(p, q, r >= 4u * SG);
    let value = subgroupShuffle(four[r % 4u], r / 4u % SG);
    (*tile)[r * VEC4S] += value * b0;
    if (VEC4S > 1u) { (*tile)[r * VEC4S + VEC4S - 1u] += value * b1; }
  }
}
