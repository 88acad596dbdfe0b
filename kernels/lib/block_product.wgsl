// The main loop of a product whose results stay in registers: ROWS by COLUMNS results a workgroup, 8 rows by 4 columns
// a lane, or by 8 in the largest tile. The kernel says how operands are read and results written. A step takes DEPTH
// terms. Each lane fetches a block of four terms of four rows of A or four columns of B (two blocks where there are
// more than lanes) and holds it in registers while the previous terms are multiplied; then it stores it in workgroup
// memory, Aᵀ and B, in vec4s of rows or columns. Groups of 32 lanes, by index and not by subgroup, share 64 rows and 16
// or 32 columns. Two adjacent lanes take the same columns and every second lane the same rows, the pattern in which
// NVIDIA's shared memory serves 16-byte reads best (CUTLASS, gemm/warp/mma_simt_policy.h). The fetch of the last
// iteration is unused: if it were conditional, the compiler might wait for its data immediately. The sums are named
// variables, since a compiler that does not unroll a loop over an array keeps the array in memory.
// Needs in the kernel: lib/block_stage.wgsl and what it needs; lib/tile_order.wgsl; params of matmul/naive; const PAIR
// (whether there are A2 and B2), GROUP; and
//   fn put(tile: Tile, row: u32, column: u32, s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f)      four columns of four
//     rows of C, nothing past an edge

const IS_WIDE = ROWS == 128u && COLUMNS == 128u;
const LANES = select(128u, 256u, ROWS * COLUMNS > 4096u);
const ACROSS = COLUMNS / select(16u, 32u, IS_WIDE); // groups of 32 lanes side by side

@compute @workgroup_size(LANES)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = tile_at(wg, count);
  let terms = select(params.K, params.K_last, (wg.z + 1u) % params.batch_inner == 0u);
  let steps = (terms + DEPTH - 1u) / DEPTH;
  let all_steps = steps + select(0u, (params.K2 + DEPTH - 1u) / DEPTH, PAIR);
  let row_four = lane / (32u * ACROSS) * 16u + lane % 32u / 8u * 2u + lane % 2u;
  let column_four = lane / 32u % ACROSS * (COLUMNS / 4u / ACROSS) + lane % 8u / 2u;

  var left0 = vec4f();
  var left1 = vec4f();
  var left2 = vec4f();
  var left3 = vec4f();
  var left4 = vec4f();
  var left5 = vec4f();
  var left6 = vec4f();
  var left7 = vec4f();
  var right0 = vec4f();
  var right1 = vec4f();
  var right2 = vec4f();
  var right3 = vec4f();
  var right4 = vec4f();
  var right5 = vec4f();
  var right6 = vec4f();
  var right7 = vec4f();

  var held = Block();
  var more = Block();
  for (var remaining = all_steps + 1u; remaining > 0u; remaining--) {
    let step = step_of(all_steps + 1u - remaining, steps, terms);
    held = fetch(tile, step, lane);
    if (BLOCKS > LANES) { more = fetch(tile, step, lane + LANES); }
    if (remaining <= all_steps) {
      for (var layer = 0u; layer < LAYERS; layer++) {
        let a_at = layer * A_LAYER + row_four;
        let b_at = layer * B_LAYER + column_four;
        for (var k = 0u; k < 4u; k++) {
          let upper = a_tile[a_at + k * (ROWS / 4u)];
          let lower = a_tile[a_at + k * (ROWS / 4u) + 8u];
          let left = b_tile[b_at + k * (COLUMNS / 4u)];
          left0 += upper.x * left;
          left1 += upper.y * left;
          left2 += upper.z * left;
          left3 += upper.w * left;
          left4 += lower.x * left;
          left5 += lower.y * left;
          left6 += lower.z * left;
          left7 += lower.w * left;
          if (IS_WIDE) {
            let right = b_tile[b_at + k * (COLUMNS / 4u) + 4u];
            right0 += upper.x * right;
            right1 += upper.y * right;
            right2 += upper.z * right;
            right3 += upper.w * right;
            right4 += lower.x * right;
            right5 += lower.y * right;
            right6 += lower.z * right;
            right7 += lower.w * right;
          }
        }
      }
    }
    if (remaining == 1u) { break; }
    workgroupBarrier();
    stage(held, tile, step, lane);
    if (BLOCKS > LANES) { stage(more, tile, step, lane + LANES); }
    workgroupBarrier();
  }

  let row = tile.first_row + 4u * row_four;
  let column = tile.first_column + 4u * column_four;
  put(tile, row, column, left0, left1, left2, left3);
  put(tile, row + 32u, column, left4, left5, left6, left7);
  if (IS_WIDE) {
    put(tile, row, column + 16u, right0, right1, right2, right3);
    put(tile, row + 32u, column + 16u, right4, right5, right6, right7);
  }
}

fn tile_at(wg: vec3u, count: vec3u) -> Tile {
  let place = tile_of(wg.y * count.x + wg.x, count.xy);
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  return Tile(
    place.y * ROWS, place.x * COLUMNS, wg.z,
    outer * params.a_outer + inner * params.a_inner, outer * params.b_outer + inner * params.b_inner,
  );
}

fn step_of(index: u32, steps: u32, terms: u32) -> Step {
  if (!PAIR || index < steps) { return Step(index * DEPTH, terms, false); }
  return Step((index - steps) * DEPTH, params.K2, true);
}
