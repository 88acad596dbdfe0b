// matmul/block: a tile of 64 or 128 rows and columns a workgroup, 8 rows by 4 or 8 columns of it in the registers of
// each lane, all memory read and written in vec4s. For real GPUs; every layout whose rows are multiples of four, A in
// layout n where there is a second pair.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias  (+ C[z])        contract of matmul/naive
// Shapes: A float[M, K], its rows a_pitch apart, or float[K, M]; B float[K, N], or float[N, K], its rows b_pitch apart;
// C float[M, N] in batches z, N a multiple of 4.
// Grid: [ceil(N / COLUMNS), ceil(M / ROWS), batches]. Accumulates in f32 over ascending k. Workgroup memory: 16 KiB at
// 128 by 128, 256 bytes more with SKEW 2.
// Traffic: each element of A is read N / COLUMNS times, of B M / ROWS times.
// B may be a packed weight (FORMAT), read as it lies and unpacked on its way into workgroup memory; group is the number
// of its adjacent elements that share a scale.
// Source: S. Boehm, How to Optimize a CUDA Matmul Kernel, kernel 10 (https://siboehm.com/articles/22/CUDA-MMM);
// CUTLASS's efficient_gemm.md.
// uses: lib/block_product.wgsl, lib/block_stage.wgsl, lib/tile_order.wgsl, lib/load_weight.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32, a_pitch: u32, b_pitch: u32,
  flags: u32, alpha: f32, group: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4u>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> a2: array<vec4u>;
@group(0) @binding(6) var<storage, read> b2: array<vec4u>;
@group(0) @binding(7) var<storage, read> scales: array<f32>;
@group(0) @binding(8) var<storage, read> zeros: array<f32>;

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true
const PAIR = false; // tune: false true
const ROWS = 128u; // tune: 64u 128u
const COLUMNS = 128u; // tune: 64u 128u
const DEPTH = 16u;
const SKEW = 0u; // tune: 0u 2u
const GROUP = 8u;

fn a_block(tile: Tile, step: Step, row: u32, k: u32) -> Block {
  if (step.is_second) {
    let at = along(row, params.M, k, step.terms, params.K2);
    return Block(a2[at.x], a2[at.y], a2[at.z], a2[at.w]);
  }
  let at = tile.a_start / 4u + places(!TRANSPOSE_A, row, params.M, k, step.terms, params.a_pitch);
  return Block(a[at.x], a[at.y], a[at.z], a[at.w]);
}

fn b_block(tile: Tile, step: Step, column: u32, k: u32) -> Block {
  if (step.is_second) {
    let at = places(TRANSPOSE_B, column, params.N, k, step.terms, params.K2);
    return Block(b2[at.x], b2[at.y], b2[at.z], b2[at.w]);
  }
  let at = tile.b_start / 4u + places(TRANSPOSE_B, column, params.N, k, step.terms, params.b_pitch);
  if (FORMAT == F32) { return Block(b[at.x], b[at.y], b[at.z], b[at.w]); }
  if (IS_HALF) { return Block(four_words(2u * at), four_words(2u * at + 1u), vec4u(), vec4u()); }
  let group = groups(column, k, step.terms);
  let scale = vec4u(bitcast<u32>(scales[group.x]), bitcast<u32>(scales[group.y]), bitcast<u32>(scales[group.z]),
    bitcast<u32>(scales[group.w]));
  if (FORMAT != INT4_ZEROS) { return Block(four_words(4u * at / PER_WORD), vec4u(), scale, vec4u()); }
  let zero = vec4u(bitcast<u32>(zeros[group.x]), bitcast<u32>(zeros[group.y]), bitcast<u32>(zeros[group.z]),
    bitcast<u32>(zeros[group.w]));
  return Block(four_words(4u * at / PER_WORD), vec4u(), scale, zero);
}

fn b_values(block: Block, column: u32, k: u32, step: Step) -> mat4x4f {
  if (FORMAT == F32 || step.is_second) { return f32_values(block); }
  let part = select(column, k, TRANSPOSE_B) / 4u % 2u;
  let scale = bitcast<vec4f>(block.r2);
  let zero = bitcast<vec4f>(block.r3);
  return mat4x4f(
    four_values(block.r0.x, block.r1.x, part, scale.x, zero.x),
      four_values(block.r0.y, block.r1.y, part, scale.y, zero.y),
    four_values(block.r0.z, block.r1.z, part, scale.z, zero.z),
      four_values(block.r0.w, block.r1.w, part, scale.w, zero.w),
  );
}

fn put(tile: Tile, row: u32, column: u32, s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f) {
  if (row >= params.M || column >= params.N) { return; }
  let rows = min(row + FOUR, vec4u(params.M - 1u));
  let at = ((tile.batch * params.M + rows) * params.N + column) / 4u;
  var values = mat4x4f(s0, s1, s2, s3) * params.alpha;
  if ((params.flags & 1u) != 0u) {
    let shift = bias[column / 4u];
    values += mat4x4f(shift, shift, shift, shift);
  }
  if ((params.flags & 2u) != 0u) { values += mat4x4f(c[at.x], c[at.y], c[at.z], c[at.w]); }
  c[at.x] = values[0];
  if (row + 1u < params.M) { c[at.y] = values[1]; }
  if (row + 2u < params.M) { c[at.z] = values[2]; }
  if (row + 3u < params.M) { c[at.w] = values[3]; }
}

// The vec4s of a block, counted in vec4s: a row each and the same terms of it, or a term each and the same columns of
// it. Past an edge the last ones again.
fn places(lies_along: bool, first: u32, count: u32, k: u32, terms: u32, pitch: u32) -> vec4u {
  if (lies_along) { return along(first, count, k, terms, pitch); }
  return min(k + FOUR, vec4u(terms - 1u)) * (count / 4u) + min(first, count - 4u) / 4u;
}

fn along(first: u32, count: u32, k: u32, terms: u32, pitch: u32) -> vec4u {
  return min(first + FOUR, vec4u(count - 1u)) * (pitch / 4u) + min(k, terms - 4u) / 4u;
}

// The groups that share a scale in which the vec4s of a block of B lie: whole ones to a row.
fn groups(column: u32, k: u32, terms: u32) -> vec4u {
  if (TRANSPOSE_B) {
    return min(column + FOUR, vec4u(params.N - 1u)) * (params.b_pitch / params.group)
      + min(k, terms - 4u) / params.group;
  }
  return min(k + FOUR, vec4u(terms - 1u)) * (params.N / params.group) + min(column, params.N - 4u) / params.group;
}

fn four_words(at: vec4u) -> vec4u { return vec4u(word_at(at.x), word_at(at.y), word_at(at.z), word_at(at.w)); }

fn word_at(at: u32) -> u32 { return b[at / 4u][at % 4u]; }

// Four neighbours of a packed row: of a word or two of halves, or of that part of a word of int4 or NF4.
fn four_values(word: u32, next: u32, part: u32, scale: f32, zero: f32) -> vec4f {
  if (FORMAT == F16) { return f16_four(vec2u(word, next)); }
  if (FORMAT == BF16) { return bf16_four(vec2u(word, next)); }
  if (FORMAT == INT8) { return int8_levels(word) * scale; }
  if (FORMAT == NF4) { return nf4_levels(word, part) * scale; }
  return (int4_levels(word, part) - select(8.0, zero, FORMAT == INT4_ZEROS)) * scale;
}
