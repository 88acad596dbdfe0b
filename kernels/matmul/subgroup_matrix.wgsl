enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

// matmul/subgroup_matrix: matmul/tile on matrix units (tensor cores): operands rounded to f16, sums in f32. Dawn's experimental feature.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias        contract of matmul/naive but for the rounding: relative 2⁻¹¹ of each operand
// Four subgroups a workgroup, two by two, T by T matrices of MATRIX_M × MATRIX_N each. A and B are staged in workgroup memory as they lie, so that lanes
// read and write neighbours in fours; PAD spreads the rows over the banks. Results go through workgroup memory to where edges are minded.
// Shapes: any; a packed B in one batch. K2 only where A is not transposed. An operand above 65,504 becomes infinite.
// Grid: [ceil(N / (2 · T · MATRIX_N)), ceil(M / (2 · T · MATRIX_M)), batches]. Accumulates in f32, MATRIX_K terms a step.
// Traffic: each element of A is read N / (2 · T · MATRIX_N) times, of B M / (2 · T · MATRIX_M) times.
// Source: NVIDIA, CUDA C++ Programming Guide, Warp Matrix Functions; Dawn, docs/dawn/features/subgroup_matrix.
// B may be a packed weight, read as it lies (FORMAT); group is the number of its neighbours that share a scale. Not bf16: f16 cannot hold its range.
// uses: lib/load_weight.wgsl, lib/weight_element.wgsl, lib/weight_four.wgsl

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32, group: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> a2: array<f32>;
@group(0) @binding(6) var<storage, read> b2: array<f32>;
@group(0) @binding(7) var<storage, read> scales: array<f32>;
@group(0) @binding(8) var<storage, read> zeros: array<f32>;

const FORMAT = F32; // tune: F32 F16 INT8 INT4 INT4_ZEROS NF4
const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true
const SG = 32u; // tune: 4u 8u 16u 32u 64u
const MATRIX_M = 16u; // tune: 8u 16u
const MATRIX_N = 16u; // tune: 8u 16u
const MATRIX_K = 16u; // tune: 8u 16u
const T = 4u; // tune: 2u 4u
const DEEP = 1u; // tune: 1u 2u
const PAD = 8u;
const LANES = 4u * SG;
const ROWS = 2u * T * MATRIX_M;
const COLUMNS = 2u * T * MATRIX_N;
const DEPTH = DEEP * MATRIX_K;
const A_STRIDE = select(DEPTH, ROWS, TRANSPOSE_A) + PAD;
const B_STRIDE = select(COLUMNS, DEPTH, TRANSPOSE_B) + PAD;
// The compiler also holds the loads that never run to the tile's size.
const A_BY_COLUMNS = select(MATRIX_M, A_STRIDE, TRANSPOSE_A);
const A_BY_ROWS = select(A_STRIDE, MATRIX_K, TRANSPOSE_A);
const B_BY_COLUMNS = select(MATRIX_K, B_STRIDE, TRANSPOSE_B);
const B_BY_ROWS = select(B_STRIDE, MATRIX_N, TRANSPOSE_B);

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sums = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;

var<workgroup> a_tile: array<vec4<f16>, select(ROWS, DEPTH, TRANSPOSE_A) * A_STRIDE / 4u>;
var<workgroup> b_tile: array<vec4<f16>, select(DEPTH, COLUMNS, TRANSPOSE_B) * B_STRIDE / 4u>;
var<workgroup> results: array<f32, 4u * MATRIX_M * MATRIX_N>;

@compute @workgroup_size(LANES)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let a_start = outer * params.a_outer + inner * params.a_inner;
  let b_start = outer * params.b_outer + inner * params.b_inner;
  let first_row = wg.y * ROWS;
  let first_column = wg.x * COLUMNS;
  let subgroup = lane / SG;
  let row_in_tile = (subgroup / 2u) * (T * MATRIX_M);
  let column_in_tile = (subgroup % 2u) * (T * MATRIX_N);
  var sums: array<Sums, T * T>;

  let terms = select(params.K, params.K_last, wg.z == count.z - 1u);
  let steps = (terms + DEPTH - 1u) / DEPTH;
  let all_steps = steps + (params.K2 + DEPTH - 1u) / DEPTH;
  for (var step = 0u; step < all_steps; step++) {
    for (var at = lane; at < ROWS * DEPTH / 4u; at += LANES) {
      if (TRANSPOSE_A) {
        let place = vec2u(4u * (at % (ROWS / 4u)), at / (ROWS / 4u));
        stage_a(place.y * A_STRIDE + place.x, four_of_a(a_start, first_row + place.x, step * DEPTH + place.y, terms));
      } else {
        let place = vec2u(at / (DEPTH / 4u), 4u * (at % (DEPTH / 4u)));
        if (step < steps) {
          stage_a(place.x * A_STRIDE + place.y, four_of_a(a_start, first_row + place.x, step * DEPTH + place.y, terms));
        } else {
          stage_a(place.x * A_STRIDE + place.y, four_of_a2(first_row + place.x, (step - steps) * DEPTH + place.y));
        }
      }
    }
    for (var at = lane; at < COLUMNS * DEPTH / 4u; at += LANES) {
      let fours = select(COLUMNS, DEPTH, TRANSPOSE_B) / 4u;
      let place = select(vec2u(4u * (at % fours), at / fours), vec2u(at / fours, 4u * (at % fours)), TRANSPOSE_B);
      let to = select(place.y * B_STRIDE + place.x, place.x * B_STRIDE + place.y, TRANSPOSE_B);
      if (step < steps) {
        stage_b(to, four_of_b(b_start, first_column + place.x, step * DEPTH + place.y, terms));
      } else {
        stage_b(to, four_of_b2(first_column + place.x, (step - steps) * DEPTH + place.y));
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k += MATRIX_K) {
      var right: array<Right, T>;
      for (var j = 0u; j < T; j++) {
        let column = column_in_tile + j * MATRIX_N;
        if (TRANSPOSE_B) {
          right[j] = subgroupMatrixLoad<Right, col_major>(&b_tile, (column * B_STRIDE + k) / 4u, B_BY_COLUMNS / 4u);
        } else {
          right[j] = subgroupMatrixLoad<Right, row_major>(&b_tile, (k * B_STRIDE + column) / 4u, B_BY_ROWS / 4u);
        }
      }
      for (var i = 0u; i < T; i++) {
        let row = row_in_tile + i * MATRIX_M;
        var left: Left;
        if (TRANSPOSE_A) {
          left = subgroupMatrixLoad<Left, col_major>(&a_tile, (k * A_STRIDE + row) / 4u, A_BY_COLUMNS / 4u);
        } else {
          left = subgroupMatrixLoad<Left, row_major>(&a_tile, (row * A_STRIDE + k) / 4u, A_BY_ROWS / 4u);
        }
        for (var j = 0u; j < T; j++) { sums[i * T + j] = subgroupMatrixMultiplyAccumulate(left, right[j], sums[i * T + j]); }
      }
    }
    workgroupBarrier();
  }

  let own = subgroup * (MATRIX_M * MATRIX_N);
  for (var i = 0u; i < T; i++) {
    for (var j = 0u; j < T; j++) {
      subgroupMatrixStore<row_major>(&results, own, sums[i * T + j], MATRIX_N);
      workgroupBarrier();
      for (var at = lane % SG; at < MATRIX_M * MATRIX_N; at += SG) {
        let row = first_row + row_in_tile + i * MATRIX_M + at / MATRIX_N;
        let column = first_column + column_in_tile + j * MATRIX_N + at % MATRIX_N;
        if (row < params.M && column < params.N) { put(results[own + at] * params.alpha, (wg.z * params.M + row) * params.N + column, column); }
      }
      workgroupBarrier();
    }
  }
}

fn put(sum: f32, at: u32, column: u32) {
  var value = sum;
  if ((params.flags & 1u) != 0u) { value += bias[column]; }
  c[at] = value;
}

fn stage_a(at: u32, four: vec4f) {
  a_tile[at / 4u] = vec4<f16>(four);
}

fn stage_b(at: u32, four: vec4f) {
  b_tile[at / 4u] = vec4<f16>(four);
}

// Four neighbours of memory, along the row or the terms; zero past an edge.
fn inside(along: u32, end: u32, isInside: bool) -> vec4<bool> { return vec4<bool>(isInside) & (vec4u(along) + vec4u(0u, 1u, 2u, 3u) < vec4u(end)); }

fn four_of_a(start: u32, row: u32, k: u32, terms: u32) -> vec4f {
  let at = start + select(row * params.K + k, k * params.M + row, TRANSPOSE_A);
  let within = select(inside(k, terms, row < params.M), inside(row, params.M, k < terms), TRANSPOSE_A);
  return select(vec4f(), vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]), within);
}

fn four_of_b(start: u32, column: u32, k: u32, terms: u32) -> vec4f {
  let at = start + select(k * params.N + column, column * params.K + k, TRANSPOSE_B);
  let within = select(inside(column, params.N, k < terms), inside(k, terms, column < params.N), TRANSPOSE_B);
  if (HAS_SCALES) { return select(vec4f(), row_four(at), within); } // one batch, and rows of a multiple of 8
  return select(vec4f(), vec4f(element(at), element(at + 1u), element(at + 2u), element(at + 3u)), within);
}

fn four_of_a2(row: u32, k: u32) -> vec4f {
  let at = row * params.K2 + k;
  return select(vec4f(), vec4f(a2[at], a2[at + 1u], a2[at + 2u], a2[at + 3u]), inside(k, params.K2, row < params.M));
}

fn four_of_b2(column: u32, k: u32) -> vec4f {
  let at = select(k * params.N + column, column * params.K2 + k, TRANSPOSE_B);
  let within = select(inside(column, params.N, k < params.K2), inside(k, params.K2, column < params.N), TRANSPOSE_B);
  return select(vec4f(), vec4f(b2[at], b2[at + 1u], b2[at + 2u], b2[at + 3u]), within);
}
