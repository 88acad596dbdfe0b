enable subgroups;
// matmul/subgroup_nt: one subgroup per tile, no shared memory, no barrier: A's rows across the lanes, distributed by
// broadcasts; the lanes own columns.
//   C[z] = alpha · (A[z]·B[z]ᵀ + A2·B2ᵀ) + bias  (+ C[z])        contract of matmul/naive
// Shapes: A float[M, K], B float[N, K], their rows a_pitch and b_pitch apart, C float[M, N] (float[N, M] with SWAP), A2
// float[M, K2], B2 float[N, K2]; K and K2 even, N a multiple of 4 (M too with SWAP). Grid: [ceil(N / (4 · SG · VEC4S)),
// ceil(M / ROWS), batches]. Accumulates in f32 over ascending k.
// On a software adapter what counts is elements loaded per multiplication: a step loads ROWS + 4 · VEC4S · SG pairs for
// SG · 8 · VEC4S · ROWS products, and more than some 24 vectors loaded ahead would spill. Rows past an edge are clamped
// when loaded and not stored.
// uses: lib/broadcast_tile.wgsl, lib/tile_store.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32, a_pitch: u32, b_pitch: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2f>;
@group(0) @binding(2) var<storage, read> b: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> a2: array<vec2f>;
@group(0) @binding(6) var<storage, read> b2: array<vec2f>;

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
  let rows = vec4u(first_row + lane, first_row + lane + SG, first_row + lane + 2u * SG, first_row + lane + 3u * SG);
  let row = min(rows, vec4u(params.M - 1u));
  let left = min(column, params.N / 4u - 1u) * 4u;
  let right = min(column + SG, params.N / 4u - 1u) * 4u;
  var tile: Tile;

  let step = params.b_pitch / 2u;
  let ia = row * (params.a_pitch / 2u) + (outer * params.a_outer + inner * params.a_inner) / 2u;
  let ib = (outer * params.b_outer + inner * params.b_inner) / 2u + vec2u(left, right) * step;
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
    multiply_rows(&tile, a[ia.x + k], a[ia.y + k], a[ia.z + k], a[ia.w + k], held);
  }

  if (PAIR) {
    let step2 = params.K2 / 2u;
    let ia2 = row * step2;
    let ib2 = vec2u(left, right) * step2;
    for (var k = 0u; k < step2; k++) {
      let w0 = b2[ib2.x + k];
      let w1 = b2[ib2.x + step2 + k];
      let w2 = b2[ib2.x + 2u * step2 + k];
      let w3 = b2[ib2.x + 3u * step2 + k];
      let w4 = b2[ib2.y + k];
      let w5 = b2[ib2.y + step2 + k];
      let w6 = b2[ib2.y + 2u * step2 + k];
      let w7 = b2[ib2.y + 3u * step2 + k];
      let held = Columns(vec4f(w0.x, w1.x, w2.x, w3.x), vec4f(w4.x, w5.x, w6.x, w7.x), vec4f(w0.y, w1.y, w2.y, w3.y),
        vec4f(w4.y, w5.y, w6.y, w7.y));
      multiply_rows(&tile, a2[ia2.x + k], a2[ia2.y + k], a2[ia2.z + k], a2[ia2.w + k], held);
    }
  }
  store_tile(&tile, wg.z, first_row, column);
}
