// matmul/block_scalar: matmul/block over rows of any length, read and written one element at a time.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias  (+ C[z])        contract of matmul/naive
// Shapes: A float[M, K], its rows a_pitch apart, or float[K, M]; B float[K, N], or float[N, K], its rows b_pitch apart;
// C float[M, N] in batches z; A in layout n where there is a second pair, A2 float[M, K2].
// Grid: [ceil(N / COLUMNS), ceil(M / ROWS), batches]. Accumulates in f32 over ascending k. Workgroup memory: 16 KiB at
// 128 by 128 with DEPTH 16, 256 bytes more with SKEW 2.
// Traffic: each element of A is read N / COLUMNS times, of B M / ROWS times.
// Source: as matmul/block.
// uses: lib/block_product.wgsl, lib/block_stage.wgsl, lib/tile_order.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32, a_pitch: u32, b_pitch: u32,
  flags: u32, alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> a2: array<u32>;
@group(0) @binding(6) var<storage, read> b2: array<u32>;

const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true
const PAIR = false; // tune: false true
const ROWS = 128u; // tune: 64u 128u
const COLUMNS = 128u; // tune: 64u 128u
const DEPTH = 16u;
const SKEW = 0u; // tune: 0u 2u
const GROUP = 8u;

// Where a block lies: the starts of its four rows in memory, and the places of its elements in each. Past an edge the
// last ones again.
struct Places { starts: vec4u, offsets: vec4u }

fn a_block(tile: Tile, step: Step, row: u32, k: u32) -> Block {
  if (step.is_second) {
    let p = places(true, row, params.M, k, step.terms, params.K2, 0u);
    return Block(four_of_a2(p.starts.x, p.offsets), four_of_a2(p.starts.y, p.offsets),
      four_of_a2(p.starts.z, p.offsets), four_of_a2(p.starts.w, p.offsets));
  }
  let p = places(!TRANSPOSE_A, row, params.M, k, step.terms, params.a_pitch, tile.a_start);
  return Block(four_of_a(p.starts.x, p.offsets), four_of_a(p.starts.y, p.offsets), four_of_a(p.starts.z, p.offsets),
    four_of_a(p.starts.w, p.offsets));
}

fn b_block(tile: Tile, step: Step, column: u32, k: u32) -> Block {
  if (step.is_second) {
    let p = places(TRANSPOSE_B, column, params.N, k, step.terms, params.K2, 0u);
    return Block(four_of_b2(p.starts.x, p.offsets), four_of_b2(p.starts.y, p.offsets),
      four_of_b2(p.starts.z, p.offsets), four_of_b2(p.starts.w, p.offsets));
  }
  let p = places(TRANSPOSE_B, column, params.N, k, step.terms, params.b_pitch, tile.b_start);
  return Block(four_of_b(p.starts.x, p.offsets), four_of_b(p.starts.y, p.offsets), four_of_b(p.starts.z, p.offsets),
    four_of_b(p.starts.w, p.offsets));
}

fn b_values(block: Block, column: u32, k: u32, step: Step) -> mat4x4f { return f32_values(block); }

fn put(tile: Tile, row: u32, column: u32, s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f) {
  put_row(tile, row, column, s0);
  put_row(tile, row + 1u, column, s1);
  put_row(tile, row + 2u, column, s2);
  put_row(tile, row + 3u, column, s3);
}

fn put_row(tile: Tile, row: u32, column: u32, sums: vec4f) {
  if (row >= params.M || column >= params.N) { return; }
  let columns = min(column + FOUR, vec4u(params.N - 1u));
  let at = (tile.batch * params.M + row) * params.N + columns;
  var values = sums * params.alpha;
  if ((params.flags & 1u) != 0u) {
    values += vec4f(bias[columns.x], bias[columns.y], bias[columns.z], bias[columns.w]);
  }
  if ((params.flags & 2u) != 0u) { values += vec4f(c[at.x], c[at.y], c[at.z], c[at.w]); }
  c[at.x] = values.x;
  if (column + 1u < params.N) { c[at.y] = values.y; }
  if (column + 2u < params.N) { c[at.z] = values.z; }
  if (column + 3u < params.N) { c[at.w] = values.w; }
}

fn places(lies_along: bool, first: u32, count: u32, k: u32, terms: u32, pitch: u32, start: u32) -> Places {
  let lines = min(first + FOUR, vec4u(count - 1u));
  let inner = min(k + FOUR, vec4u(terms - 1u));
  if (lies_along) { return Places(start + lines * pitch, inner); }
  return Places(start + inner * count, lines);
}

fn four_of_a(start: u32, at: vec4u) -> vec4u {
  return vec4u(a[start + at.x], a[start + at.y], a[start + at.z], a[start + at.w]);
}

fn four_of_b(start: u32, at: vec4u) -> vec4u {
  return vec4u(b[start + at.x], b[start + at.y], b[start + at.z], b[start + at.w]);
}

fn four_of_a2(start: u32, at: vec4u) -> vec4u {
  return vec4u(a2[start + at.x], a2[start + at.y], a2[start + at.z], a2[start + at.w]);
}

fn four_of_b2(start: u32, at: vec4u) -> vec4u {
  return vec4u(b2[start + at.x], b2[start + at.y], b2[start + at.z], b2[start + at.w]);
}
