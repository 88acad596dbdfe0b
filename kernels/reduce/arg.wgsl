// reduce/arg: the index of the largest or smallest element along a middle axis; the lowest index among equals, NaN
// before all others.
//   y[o, c] = min argmax_k x[o, k, c]
// Shapes: x float[outer, rows, cols], y i32[outer, cols], dense. Grid: one lane per column, ceil(outer · cols / WG)
// workgroups in a line.
// Traffic: 4 bytes per element.
// uses: lib/special_values.wgsl, lib/turns.wgsl

struct Params { outer: u32, rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

const MAX = 1u;
const MIN = 2u;
const OP = MAX; // tune: MAX MIN
const WG = 64u;

@compute @workgroup_size(WG)
fn arg(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  var i = o * params.rows * params.cols + (item - o * params.cols);
  var best = rank(x[i]);
  var found = 0u;
  var k = 1u;
  for (var left = turns(k, params.rows, 1u); left > 0u; left--) {
    i += params.cols;
    let place = rank(x[i]);
    if (place > best) {
      best = place;
      found = k;
    }
    k++;
  }
  y[item] = found;
}

fn rank(value: f32) -> u32 {
  if (OP == MIN) { return rank_down(value); }
  return rank_of(value);
}
