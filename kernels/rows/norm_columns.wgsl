// rows/norm_columns: gradients of the weight and bias of a norm, summed over the rows in two passes of fixed order.
//   layer_partial  partial[chunk] = [Σ dy · (x - mean) · rstd | Σ dy] over the chunk's rows
//   rms_partial    partial[chunk] = [Σ dy · x · rstd]
//   finish         total = Σ over chunks of partial[chunk]
// Shapes: x, dy float[rows, cols]; stats as rows/norm_layer_naive and rows/norm_rms_naive; partial float[chunks,
// width]; total float[width], width = 2 · cols or cols. Grid: partial ceil(cols / WG) × chunks workgroups, finish
// ceil(width / WG).
// One lane a column, f32.
// Traffic: 8 bytes per element (ideal).
// uses: lib/block_sum.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, width: u32, chunks: u32, rows_per_chunk: u32 }

alias T = f32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;
@group(0) @binding(5) var<storage, read> partial_done: array<f32>;
@group(0) @binding(6) var<storage, read_write> total: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn layer_partial(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = wg.x * WG + lane;
  if (col >= params.cols) { return; }
  let first = wg.y * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.rows);
  var dweight = 0.0;
  var dbias = 0.0;
  var row = first;
  for (var left = turns(row, end, 1u); left > 0u; left--) {
    let g = dy[row * params.cols + col];
    let k = narrowing(stats[2u * row + 1u]);
    dweight += g * (x[row * params.cols + col] * k - stats[2u * row]) * abs(stats[2u * row + 1u]);
    dbias += g;
    row++;
  }
  partial[wg.y * params.width + col] = dweight;
  partial[wg.y * params.width + params.cols + col] = dbias;
}

@compute @workgroup_size(WG)
fn rms_partial(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = wg.x * WG + lane;
  if (col >= params.cols) { return; }
  let first = wg.y * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.rows);
  var dweight = 0.0;
  var row = first;
  for (var left = turns(row, end, 1u); left > 0u; left--) {
    dweight += dy[row * params.cols + col] * (x[row * params.cols + col] * narrowing(stats[row])) * abs(stats[row]);
    row++;
  }
  partial[wg.y * params.width + col] = dweight;
}

@compute @workgroup_size(WG)
fn finish(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = wg.x * WG + lane;
  if (col >= params.width) { return; }
  var sums = Blocks();
  for (var chunk = 0u; chunk < params.chunks;) {
    let stop = min(chunk + BLOCK, params.chunks);
    var part = 0.0;
    for (var left = turns(chunk, stop, 1u); left > 0u; left--) {
      part += partial_done[chunk * params.width + col];
      chunk++;
    }
    sums = add_block(sums, part);
  }
  total[col] = sum_of(sums);
}
