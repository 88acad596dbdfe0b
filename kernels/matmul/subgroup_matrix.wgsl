enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

// matmul/subgroup_matrix: matmul/tile on matrix units (tensor cores): operands rounded to f16, sums in f32. Dawn's
// experimental feature.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias        contract of matmul/naive but for the rounding:
//     relative 2⁻¹¹ of each operand
// DOWN by ACROSS subgroups a workgroup, T by 4 matrices of MATRIX_M × MATRIX_N each. A and B are read in chunks of 16
// bytes, into registers while the matrix units work on the terms before, and are stored in workgroup memory as f16 in
// the same order; PAD distributes the lines over the banks.
// Shapes: lines of A and B in memory are whole chunks, of A2 and B2 whole vec4s. K2 only where A is not transposed.
// An operand above 65,504 becomes infinite and one below 6e-5 may become zero, in f32 and in bf16 alike.
// Grid: [ceil(N / COLUMNS), ceil(M / ROWS), batches], walked GROUP rows of tiles at a time, so that the tiles at work
// share operands in the cache.
// Accumulates in f32, MATRIX_K terms a step. Traffic: each element of A is read N / COLUMNS times, of B M / ROWS times.
// Source: NVIDIA, CUDA C++ Programming Guide, Warp Matrix Functions; Dawn, docs/dawn/features/subgroup_matrix.
// B may be a packed weight, unpacked on the fly (FORMAT); group is the number of its adjacent elements that share a
// scale.
// Every sum and every chunk is a variable of its own: NVIDIA's compiler keeps an array that a loop indexes in memory.
// No subgroup arithmetic in this module, which crashes that compiler beside matrices.
// uses: lib/matmul_params.wgsl, lib/load_weight.wgsl, lib/weight_chunk.wgsl, lib/matrix_chunks.wgsl, lib/tile_order.wgsl

@group(0) @binding(1) var<storage, read> a: array<vec4u>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> a2: array<vec4f>;
@group(0) @binding(6) var<storage, read> b2: array<vec4f>;
@group(0) @binding(7) var<storage, read> scales: array<f32>;
@group(0) @binding(8) var<storage, read> zeros: array<f32>;

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const A_FORMAT = F32; // tune: F32 F16
const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true
const TAIL = true; // tune: false true
const SG = 32u; // tune: 4u 8u 16u 32u 64u
const MATRIX_M = 16u; // tune: 8u 16u
const MATRIX_N = 16u; // tune: 8u 16u
const MATRIX_K = 16u; // tune: 8u 16u
const DOWN = 2u; // tune: 1u 2u 4u
const ACROSS = 2u; // tune: 1u 2u 4u
const T = 4u; // tune: 1u 2u 4u
const DEPTH = 32u; // tune: 32u 64u
const BUFFERS = 1u; // tune: 1u 2u
const GROUP = 8u; // tune: 1u 8u
const PAD = 8u;
const LANES = DOWN * ACROSS * SG;
const ROWS = DOWN * T * MATRIX_M;
const COLUMNS = ACROSS * 4u * MATRIX_N;

// The compiler also holds the loads that never run to the tile's size.
const A_BY_COLUMNS = select(MATRIX_M, A_STRIDE, TRANSPOSE_A) / 4u;
const A_BY_ROWS = select(A_STRIDE, MATRIX_K, TRANSPOSE_A) / 4u;
const B_BY_COLUMNS = select(MATRIX_K, B_STRIDE, TRANSPOSE_B) / 4u;
const B_BY_ROWS = select(B_STRIDE, MATRIX_N, TRANSPOSE_B) / 4u;

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sums = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;

var<workgroup> a_tile: array<vec4<f16>, A_FOURS>;
var<workgroup> b_tile: array<vec4<f16>, B_FOURS>;
var<workgroup> results: array<f32, DOWN * ACROSS * MATRIX_M * MATRIX_N>;

@compute @workgroup_size(LANES)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let place = tile_of(wg.y * count.x + wg.x, count.xy);
  let first_row = place.y * ROWS;
  let first_column = place.x * COLUMNS;
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u);
  let subgroup = lane / SG;
  let row_in_tile = (subgroup / ACROSS) * (T * MATRIX_M);
  let column_in_tile = (subgroup % ACROSS) * (4u * MATRIX_N);
  let steps = (terms + DEPTH - 1u) / DEPTH;
  let all_steps = steps + (params.K2 + DEPTH - 1u) / DEPTH;
  fill_nf4_table(lane);

  var a_chunks: AChunks;
  var b_chunks: BChunks;
  var s00: Sums; var s01: Sums; var s02: Sums; var s03: Sums;
  var s10: Sums; var s11: Sums; var s12: Sums; var s13: Sums;
  var s20: Sums; var s21: Sums; var s22: Sums; var s23: Sums;
  var s30: Sums; var s31: Sums; var s32: Sums; var s33: Sums;

  // An iteration loads the chunks of one step, multiplies the previous step, and stores the chunks in its place.
  for (var remaining = all_steps + 1u; remaining > 0u; remaining--) {
    let step = all_steps + 1u - remaining;
    let from_a = Span(outer * params.a_outer + inner * params.a_inner, first_row, step * DEPTH, terms);
    let from_b = Span(outer * params.b_outer + inner * params.b_inner, first_column, step * DEPTH, terms);
    if (step < steps) {
      a_chunks = read_a(lane, from_a);
      b_chunks = read_b(lane, from_b);
    }
    if (step > 0u) {
      let a_from = (step + BUFFERS - 1u) % BUFFERS * A_TILE;
      let b_from = (step + BUFFERS - 1u) % BUFFERS * B_TILE;
      for (var k = 0u; k < DEPTH / MATRIX_K; k++) {
        var right0: Right; var right1: Right; var right2: Right; var right3: Right;
        if (TRANSPOSE_B) {
          let at = b_from + column_in_tile * B_STRIDE + k * MATRIX_K;
          right0 = subgroupMatrixLoad<Right, col_major>(&b_tile, at / 4u, B_BY_COLUMNS);
          right1 = subgroupMatrixLoad<Right, col_major>(&b_tile, (at + MATRIX_N * B_STRIDE) / 4u, B_BY_COLUMNS);
          right2 = subgroupMatrixLoad<Right, col_major>(&b_tile, (at + 2u * MATRIX_N * B_STRIDE) / 4u, B_BY_COLUMNS);
          right3 = subgroupMatrixLoad<Right, col_major>(&b_tile, (at + 3u * MATRIX_N * B_STRIDE) / 4u, B_BY_COLUMNS);
        } else {
          let at = b_from + k * MATRIX_K * B_STRIDE + column_in_tile;
          right0 = subgroupMatrixLoad<Right, row_major>(&b_tile, at / 4u, B_BY_ROWS);
          right1 = subgroupMatrixLoad<Right, row_major>(&b_tile, (at + MATRIX_N) / 4u, B_BY_ROWS);
          right2 = subgroupMatrixLoad<Right, row_major>(&b_tile, (at + 2u * MATRIX_N) / 4u, B_BY_ROWS);
          right3 = subgroupMatrixLoad<Right, row_major>(&b_tile, (at + 3u * MATRIX_N) / 4u, B_BY_ROWS);
        }
        let by_columns = a_from + k * MATRIX_K * A_STRIDE + row_in_tile;
        let by_rows = a_from + row_in_tile * A_STRIDE + k * MATRIX_K;
        var left: Left;
        if (TRANSPOSE_A) { left = subgroupMatrixLoad<Left, col_major>(&a_tile, by_columns / 4u, A_BY_COLUMNS); }
        else { left = subgroupMatrixLoad<Left, row_major>(&a_tile, by_rows / 4u, A_BY_ROWS); }
        s00 = subgroupMatrixMultiplyAccumulate(left, right0, s00); s01 =
          subgroupMatrixMultiplyAccumulate(left, right1, s01);
        s02 = subgroupMatrixMultiplyAccumulate(left, right2, s02); s03 =
          subgroupMatrixMultiplyAccumulate(left, right3, s03);
        if (T > 1u) {
          if (TRANSPOSE_A) {
            left = subgroupMatrixLoad<Left, col_major>(&a_tile, (by_columns + MATRIX_M) / 4u, A_BY_COLUMNS);
          }
          else { left = subgroupMatrixLoad<Left, row_major>(&a_tile, (by_rows + MATRIX_M * A_STRIDE) / 4u, A_BY_ROWS); }
          s10 = subgroupMatrixMultiplyAccumulate(left, right0, s10); s11 =
            subgroupMatrixMultiplyAccumulate(left, right1, s11);
          s12 = subgroupMatrixMultiplyAccumulate(left, right2, s12); s13 =
            subgroupMatrixMultiplyAccumulate(left, right3, s13);
        }
        if (T > 2u) {
          if (TRANSPOSE_A) {
            left = subgroupMatrixLoad<Left, col_major>(&a_tile, (by_columns + 2u * MATRIX_M) / 4u, A_BY_COLUMNS);
          }
          else {
            left = subgroupMatrixLoad<Left, row_major>(&a_tile, (by_rows + 2u * MATRIX_M * A_STRIDE) / 4u, A_BY_ROWS);
          }
          s20 = subgroupMatrixMultiplyAccumulate(left, right0, s20); s21 =
            subgroupMatrixMultiplyAccumulate(left, right1, s21);
          s22 = subgroupMatrixMultiplyAccumulate(left, right2, s22); s23 =
            subgroupMatrixMultiplyAccumulate(left, right3, s23);
          if (TRANSPOSE_A) {
            left = subgroupMatrixLoad<Left, col_major>(&a_tile, (by_columns + 3u * MATRIX_M) / 4u, A_BY_COLUMNS);
          }
          else {
            left = subgroupMatrixLoad<Left, row_major>(&a_tile, (by_rows + 3u * MATRIX_M * A_STRIDE) / 4u, A_BY_ROWS);
          }
          s30 = subgroupMatrixMultiplyAccumulate(left, right0, s30); s31 =
            subgroupMatrixMultiplyAccumulate(left, right1, s31);
          s32 = subgroupMatrixMultiplyAccumulate(left, right2, s32); s33 =
            subgroupMatrixMultiplyAccumulate(left, right3, s33);
        }
      }
    }
    if (BUFFERS == 1u) { workgroupBarrier(); }
    if (step < steps) {
      write_a(lane, a_chunks, step % BUFFERS * A_TILE, from_a);
      write_b(lane, b_chunks, step % BUFFERS * B_TILE, from_b);
    } else if (step < all_steps) {
      write_pair(lane, step % BUFFERS, first_row, first_column, (step - steps) * DEPTH);
    }
    workgroupBarrier();
  }

  let row = first_row + row_in_tile;
  let column = first_column + column_in_tile;
  // As they are where nothing is added and the tile lies inside; sixteen bytes is what matrices may be aligned to.
  if (params.flags == 0u && params.alpha == 1.0 && first_row + ROWS <= params.M && first_column + COLUMNS <= params.N
    && params.N % 4u == 0u) {
    let to = (wg.z * params.M + row) * params.N + column;
    let down = MATRIX_M * params.N;
    subgroupMatrixStore<row_major>(&c, to, s00, params.N);
      subgroupMatrixStore<row_major>(&c, to + MATRIX_N, s01, params.N);
    subgroupMatrixStore<row_major>(&c, to + 2u * MATRIX_N, s02, params.N);
      subgroupMatrixStore<row_major>(&c, to + 3u * MATRIX_N, s03, params.N);
    if (T > 1u) {
      subgroupMatrixStore<row_major>(&c, to + down, s10, params.N);
        subgroupMatrixStore<row_major>(&c, to + down + MATRIX_N, s11, params.N);
      subgroupMatrixStore<row_major>(&c, to + down + 2u * MATRIX_N, s12, params.N);
        subgroupMatrixStore<row_major>(&c, to + down + 3u * MATRIX_N, s13, params.N);
    }
    if (T > 2u) {
      subgroupMatrixStore<row_major>(&c, to + 2u * down, s20, params.N);
        subgroupMatrixStore<row_major>(&c, to + 2u * down + MATRIX_N, s21, params.N);
      subgroupMatrixStore<row_major>(&c, to + 2u * down + 2u * MATRIX_N, s22, params.N);
        subgroupMatrixStore<row_major>(&c, to + 2u * down + 3u * MATRIX_N, s23, params.N);
      subgroupMatrixStore<row_major>(&c, to + 3u * down, s30, params.N);
        subgroupMatrixStore<row_major>(&c, to + 3u * down + MATRIX_N, s31, params.N);
      subgroupMatrixStore<row_major>(&c, to + 3u * down + 2u * MATRIX_N, s32, params.N);
        subgroupMatrixStore<row_major>(&c, to + 3u * down + 3u * MATRIX_N, s33, params.N);
    }
    return;
  }
  let own = subgroup * (MATRIX_M * MATRIX_N);
  subgroupMatrixStore<row_major>(&results, own, s00, MATRIX_N); write_results(own, lane, wg.z, row, column);
  subgroupMatrixStore<row_major>(&results, own, s01, MATRIX_N); write_results(own, lane, wg.z, row, column + MATRIX_N);
  subgroupMatrixStore<row_major>(&results, own, s02, MATRIX_N);
    write_results(own, lane, wg.z, row, column + 2u * MATRIX_N);
  subgroupMatrixStore<row_major>(&results, own, s03, MATRIX_N);
    write_results(own, lane, wg.z, row, column + 3u * MATRIX_N);
  if (T > 1u) {
    subgroupMatrixStore<row_major>(&results, own, s10, MATRIX_N);
      write_results(own, lane, wg.z, row + MATRIX_M, column);
    subgroupMatrixStore<row_major>(&results, own, s11, MATRIX_N);
      write_results(own, lane, wg.z, row + MATRIX_M, column + MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s12, MATRIX_N);
      write_results(own, lane, wg.z, row + MATRIX_M, column + 2u * MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s13, MATRIX_N);
      write_results(own, lane, wg.z, row + MATRIX_M, column + 3u * MATRIX_N);
  }
  if (T > 2u) {
    subgroupMatrixStore<row_major>(&results, own, s20, MATRIX_N);
      write_results(own, lane, wg.z, row + 2u * MATRIX_M, column);
    subgroupMatrixStore<row_major>(&results, own, s21, MATRIX_N);
      write_results(own, lane, wg.z, row + 2u * MATRIX_M, column + MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s22, MATRIX_N);
      write_results(own, lane, wg.z, row + 2u * MATRIX_M, column + 2u * MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s23, MATRIX_N);
      write_results(own, lane, wg.z, row + 2u * MATRIX_M, column + 3u * MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s30, MATRIX_N);
      write_results(own, lane, wg.z, row + 3u * MATRIX_M, column);
    subgroupMatrixStore<row_major>(&results, own, s31, MATRIX_N);
      write_results(own, lane, wg.z, row + 3u * MATRIX_M, column + MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s32, MATRIX_N);
      write_results(own, lane, wg.z, row + 3u * MATRIX_M, column + 2u * MATRIX_N);
    subgroupMatrixStore<row_major>(&results, own, s33, MATRIX_N);
      write_results(own, lane, wg.z, row + 3u * MATRIX_M, column + 3u * MATRIX_N);
  }
}
