enable subgroups;
// matmul/subgroup_texels: one subgroup per tile, both operands read from textures, no shared memory, no barrier: A's
// rows across the lanes, distributed by shuffles; the lanes own columns. A software adapter loads a texel a lane
// without a branch, and a storage buffer's vector element by element with a bounds check each.
//   C[z] = alpha · (A[z]·B[z]) + bias  (+ C[z])        contract of matmul/naive
// Shapes: A float[M, K] (A_ALONG: a texel is four terms of a row) or [K, M] (four rows at a term), B float[N, K]
// (B_ALONG: four terms of a column) or [K, N] (four columns at a term), a row of the operand a row of its texture; a
// second pair lies behind the first, along the terms. C float[M, N] (float[N, M] with SWAP), N a multiple of 4.
// Where a row does not run along the terms, the texture may hold it in strips of so many texels, the rows of a strip
// below each other (a_strip, a_strip_rows): a tile then reads contiguous memory. With an a_strip of 1 or 2 the rows lie
// in two or four groups of a_strip_rows, every second or fourth row in one: the only way in which WebGPU copies rows of
// some widths. Batches: as in matmul/naive, their steps in rows, then multiples of four. TAIL: K or K_last is no
// multiple of 4.
// Grid: [ceil(M / ROWS), ceil(N / (4 · SG · VEC4S)), batches]: neighbours share columns, the larger part. Accumulates
// in f32 over ascending k, four terms a step.
// uses: lib/texel_tile.wgsl, lib/tile_store.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32, a_strip: u32, a_strip_rows: u32, b_strip: u32, b_strip_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var a: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var b: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;

const SG = 8u; // tune: 4u 8u
const ROWS = 32u; // tune: 16u 32u 48u
const VEC4S = 2u; // tune: 1u 2u
const A_ALONG = true; // tune: false true
const B_ALONG = true; // tune: false true
const TAIL = false; // tune: false true
const SWAP = false; // tune: false true
alias Tile = array<vec4f, ROWS * VEC4S>;
// Rows of a lane with A_ALONG, at most six: more rows share what is loaded of B. Without, a lane holds four adjacent
// rows, so that ROWS is at most 4 · SG.
const OWN = ROWS / SG;

@compute @workgroup_size(SG)
fn multiply(@builtin(workgroup_id) wg: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let first = vec2u(wg.x * ROWS, wg.y * (SG * VEC4S));
  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u);
  let a_batch = outer * params.a_outer + inner * params.a_inner;
  let b_batch = outer * params.b_outer + inner * params.b_inner;
  let a_lines = lines_of(params.a_strip, params.a_strip_rows);
  let b_lines = lines_of(params.b_strip, params.b_strip_rows);
  let column = place_of_four(first.y + lane, b_batch, b_lines);
  let next_column = place_of_four(first.y + lane + select(0u, SG, VEC4S > 1u), b_batch, b_lines);
  let row = a_batch + first.x + lane;
  let rows = array<u32, 6>(line_of(row, a_lines), line_of(row + SG, a_lines), line_of(row + 2u * SG, a_lines),
    line_of(row + 3u * SG, a_lines), line_of(row + 4u * SG, a_lines), line_of(row + 5u * SG, a_lines));
  let row_four = in_strip(first.x / 4u + lane, params.a_strip, params.a_strip_rows)
    + vec2u(0u, a_batch >> a_lines.shift);
  var tile: Tile;
  for (var k = 0u; k < terms; k += 4u) {
    let b0 = terms_of_columns(column, k, terms, b_lines);
    let b1 = terms_of_columns(next_column, k, terms, b_lines);
    if (A_ALONG) {
      let r0 = terms_of_row(rows[0], k, terms);
      let r1 = terms_of_row(rows[1], k, terms);
      let r2 = terms_of_row(rows[min(2u, OWN - 1u)], k, terms);
      let r3 = terms_of_row(rows[min(3u, OWN - 1u)], k, terms);
      let r4 = terms_of_row(rows[min(4u, OWN - 1u)], k, terms);
      let r5 = terms_of_row(rows[min(5u, OWN - 1u)], k, terms);
      add_rows(&tile, 0u, r0, b0, b1);
      add_rows(&tile, SG, r1, b0, b1);
      if (OWN > 2u) {
        add_rows(&tile, 2u * SG, r2, b0, b1);
        add_rows(&tile, 3u * SG, r3, b0, b1);
      }
      if (OWN > 4u) {
        add_rows(&tile, 4u * SG, r4, b0, b1);
        add_rows(&tile, 5u * SG, r5, b0, b1);
      }
    } else {
      let at = row_four + vec2u(0u, k >> a_lines.shift);
      let p = textureLoad(a, at);
      let q = within(textureLoad(a, at + vec2u(0u, a_lines.next)), k + 1u < terms);
      let r = within(textureLoad(a, at + vec2u(0u, a_lines.third)), k + 2u < terms);
      let s = within(textureLoad(a, at + vec2u(0u, a_lines.third + a_lines.next)), k + 3u < terms);
      add_all_fours(&tile, Terms(p, q, r, s), b0, b1);
    }
  }
  store_tile(&tile, wg.z, first.x, first.y + lane);
}

// How the rows of an operand lie in its texture: of four rows that begin at a multiple of four, the second, third and
// fourth are `next`, `third` and `third + next` lines after the first, and row r of them lies r >> shift lines below
// row 0, or in the group of its last `shift` bits.
struct Lines { next: u32, third: u32, shift: u32 }

fn lines_of(strip: u32, strip_rows: u32) -> Lines {
  if (strip == 1u) { return Lines(strip_rows, 1u, 1u); }
  if (strip == 2u) { return Lines(strip_rows, 2u * strip_rows, 2u); }
  return Lines(1u, 2u, 0u);
}

fn line_of(row: u32, lines: Lines) -> u32 {
  return (row & ((1u << lines.shift) - 1u)) * lines.next + (row >> lines.shift);
}

fn in_strip(four: u32, strip: u32, strip_rows: u32) -> vec2u {
  if (strip <= 2u) { return vec2u(four, 0u); }
  return vec2u(four % strip, four / strip * strip_rows);
}

// Where four columns of B begin.
fn place_of_four(four: u32, batch: u32, lines: Lines) -> vec2u {
  if (B_ALONG) { return vec2u(0u, (batch + 4u * four) >> lines.shift); }
  return in_strip(four, params.b_strip, params.b_strip_rows) + vec2u(0u, batch >> lines.shift);
}

fn terms_of_row(line: u32, k: u32, terms: u32) -> vec4f {
  let value = textureLoad(a, vec2u(k / 4u, line));
  return select(value, select(vec4f(), value, vec4u(k) + vec4u(0u, 1u, 2u, 3u) < vec4u(terms)), vec4<bool>(TAIL));
}

fn terms_of_columns(column: vec2u, k: u32, terms: u32, lines: Lines) -> Terms {
  let at = column + select(vec2u(0u, k >> lines.shift), vec2u(k / 4u, 0u), B_ALONG);
  let third = at + vec2u(0u, lines.third);
  var four = mat4x4f(textureLoad(b, at), textureLoad(b, at + vec2u(0u, lines.next)), textureLoad(b, third),
    textureLoad(b, third + vec2u(0u, lines.next)));
  if (B_ALONG) { four = transpose(four); }
  return Terms(four[0], within(four[1], k + 1u < terms), within(four[2], k + 2u < terms),
    within(four[3], k + 3u < terms));
}

// Zero for a term past the end of the sum, whose texel may hold anything.
fn within(value: vec4f, is_there: bool) -> vec4f { return select(value, select(vec4f(), value, is_there), TAIL); }
