// reduce/top_k: the indices of the k largest elements of a row, the largest first, the lowest index first among equals;
// NaN before all others. k passes over the row, each finding the best element behind the one before: meant for a small
// k.
// Shapes: x float[rows, cols], y i32[rows, k], dense. Grid: one lane per row, ceil(rows / WG) workgroups in a line.
// Traffic: 4k bytes per element.
// uses: lib/special_values.wgsl

struct Params { rows: u32, cols: u32, k: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn top_k(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  var last = 0u;
  var last_at = 0u;
  for (var j = 0u; j < params.k; j++) {
    var best = 0u;
    var best_at = params.cols;
    for (var c = 0u; c < params.cols; c++) {
      let rank = rank_of(x[begin + c]);
      let is_behind = j == 0u || rank < last || (rank == last && c > last_at);
      if (is_behind && (best_at == params.cols || rank > best)) {
        best = rank;
        best_at = c;
      }
    }
    y[row * params.k + j] = best_at;
    last = best;
    last_at = best_at;
  }
}
