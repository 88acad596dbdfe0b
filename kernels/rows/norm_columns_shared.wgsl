// rows/norm_columns_shared: gradients of the weight and bias of a norm in one dispatch, DOWN lanes of a workgroup a
// column, which they put together in its memory. For real GPUs and few rows, where a second pass would take longer.
//   layer  dweight (+)= Σ dy · (x - mean) · rstd,  dbias (+)= Σ dy
//   rms    dweight (+)= Σ dy · x · rstd
// Shapes: x, dy float[rows, cols]; stats as rows/norm_layer_naive and rows/norm_rms_naive; dweight, dbias float[cols].
// (+): bit 0 of add for dweight, bit 1 for dbias. Grid: ceil(cols / ACROSS) workgroups in a line. Accumulates in f32,
// every DOWN-th row a lane, in four sums. Traffic: 8 bytes per element.
// uses: lib/narrowing.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, add: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;

const ACROSS = 8u;
const DOWN = 32u;
var<workgroup> parts: array<vec2f, ACROSS * DOWN>;

// What a row adds to dweight and dbias.
fn layer_term(row: u32, column: u32) -> vec2f {
  let g = dy[row * params.cols + column];
  let rstd = stats[2u * row + 1u];
  return vec2f(g * (x[row * params.cols + column] * narrowing(rstd) - stats[2u * row]) * abs(rstd), g);
}

fn rms_term(row: u32, column: u32) -> vec2f {
  let rstd = stats[row];
  return vec2f(dy[row * params.cols + column] * (x[row * params.cols + column] * narrowing(rstd)) * abs(rstd), 0.0);
}

// A column past the end is the last one once more, and is not stored.
fn column_of(wg: vec3u, count: vec3u, lane: u32) -> u32 { return (wg.y * count.x + wg.x) * ACROSS + lane % ACROSS; }

fn term(is_layer: bool, row: u32, column: u32) -> vec2f {
  if (is_layer) { return layer_term(row, column); }
  return rms_term(row, column);
}

// What all rows add; every lane of the workgroup calls it. is_layer is a constant.
fn column_sum(is_layer: bool, col: u32, lane: u32) -> vec2f {
  let column = min(col, params.cols - 1u);
  var sum0 = vec2f();
  var sum1 = vec2f();
  var sum2 = vec2f();
  var sum3 = vec2f();
  var row = lane / ACROSS;
  for (var left = turns(row + 3u * DOWN, params.rows, 4u * DOWN); left > 0u; left--) {
    sum0 += term(is_layer, row, column);
    sum1 += term(is_layer, row + DOWN, column);
    sum2 += term(is_layer, row + 2u * DOWN, column);
    sum3 += term(is_layer, row + 3u * DOWN, column);
    row += 4u * DOWN;
  }
  for (var left = turns(row, params.rows, DOWN); left > 0u; left--) {
    sum0 += term(is_layer, row, column);
    row += DOWN;
  }
  return sum_of_lanes((sum0 + sum1) + (sum2 + sum3), lane);
}

@compute @workgroup_size(ACROSS * DOWN)
fn layer(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let col = column_of(wg, count, lane);
  let total = column_sum(true, col, lane);
  if (lane >= ACROSS || col >= params.cols) { return; }
  dweight[col] = select(0.0, dweight[col], (params.add & 1u) != 0u) + total.x;
  dbias[col] = select(0.0, dbias[col], (params.add & 2u) != 0u) + total.y;
}

@compute @workgroup_size(ACROSS * DOWN)
fn rms(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let col = column_of(wg, count, lane);
  let total = column_sum(false, col, lane);
  if (lane >= ACROSS || col >= params.cols) { return; }
  dweight[col] = select(0.0, dweight[col], (params.add & 1u) != 0u) + total.x;
}

// Of the lanes of a column, by halves; every lane of the workgroup calls it.
fn sum_of_lanes(mine: vec2f, lane: u32) -> vec2f {
  parts[lane] = mine;
  workgroupBarrier();
  for (var half = ACROSS * DOWN / 2u; half >= ACROSS; half /= 2u) {
    if (lane < half) { parts[lane] += parts[lane + half]; }
    workgroupBarrier();
  }
  return parts[lane];
}
