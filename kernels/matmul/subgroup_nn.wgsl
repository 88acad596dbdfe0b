enable subgroups;
// matmul/subgroup_nn: one subgroup per tile, no shared memory, no barrier: A's rows across the lanes, distributed by
// broadcasts; the lanes own columns.
//   C[z] = alpha · (A[z]·B[z] + A2·B2) + bias  (+ C[z])        contract of matmul/naive
// Shapes: A float[M, K], its rows a_pitch apart, B float[K, N], C float[M, N] (float[N, M] with SWAP), A2 float[M, K2],
// B2 float[K2, N]; K and K2 even, N a multiple of 4 (M too with SWAP). Grid: [ceil(N / (4 · SG · VEC4S)), ceil(M /
// ROWS), batches]. Accumulates in f32 over ascending k.
// Two terms a step, so that A is read in pairs: four terms would load twice as many vectors ahead, and half of them
// would spill (see subgroup_nt).
// uses: lib/broadcast_tile.wgsl, lib/tile_store.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32, a_pitch: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> a2: array<vec2f>;
@group(0) @binding(6) var<storage, read> b2: array<vec4f>;

const SG = 8u; // tune: 4u 8u 16u
const ROWS = 32u; // tune: 8u 16u 32u
const VEC4S = 2u; // tune: 1u 2u
const PAIR = false; // tune: false true
const SWAP = false; // tune: false true
alias Tile = array<vec4f, ROWS * VEC4S>;

@compute @workgroup_size(SG)
fn multiply(@builtin(workgroup_id) wg: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let first_row = wg.y * ROWS;
  let column = wg.x * (SG * VEC4S) + lane;
  let vec4s = params.N / 4u;
  let rows = vec4u(first_row + lane, first_row + lane + SG, first_row + lane + 2u * SG, first_row + lane + 3u * SG);
  let row = min(rows, vec4u(params.M - 1u));
  let columns = min(vec2u(column, column + SG), vec2u(vec4s - 1u));
  var tile: Tile;

  let ia = row * (params.a_pitch / 2u) + (outer * params.a_outer + inner * params.a_inner) / 2u;
  var ib = columns + (outer * params.b_outer + inner * params.b_inner) / 4u;
  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u) / 2u;
  for (var k = 0u; k < terms; k++) {
    let held = Columns(b[ib.x], b[ib.y], b[ib.x + vec4s], b[ib.y + vec4s]);
    multiply_rows(&tile, a[ia.x + k], a[ia.y + k], a[ia.z + k], a[ia.w + k], held);
    ib += 2u * vec4s;
  }

  if (PAIR) {
    let ia2 = row * (params.K2 / 2u);
    var ib2 = columns;
    for (var k = 0u; k < params.K2 / 2u; k++) {
      let held = Columns(b2[ib2.x], b2[ib2.y], b2[ib2.x + vec4s], b2[ib2.y + vec4s]);
      multiply_rows(&tile, a2[ia2.x + k], a2[ia2.y + k], a2[ia2.z + k], a2[ia2.w + k], held);
      ib2 += 2u * vec4s;
    }
  }
  store_tile(&tile, wg.z, first_row, column);
}
