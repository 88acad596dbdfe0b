// window/pool: mean or largest element of the windows of an image.
//   forward   MEAN y = Σ x / kernel² (padding counts as 0)      MAX y = max x, at = its place in the plane, the first
//             of equals; NaN passes
//   backward  MEAN dx = Σ dy / kernel² over the windows around it  MAX dx = Σ dy over the windows that chose it
// Shapes: x, dx float[planes, height, width], y, dy float and at u32 [planes, out_height, out_width], dense.
// Grid: one lane per element of what is written, ceil(… / WG) workgroups in a line. No atomics. Traffic: kernel² /
// stride² times x.
// uses: lib/special_values.wgsl, lib/turns.wgsl

struct Params { planes: u32, height: u32, width: u32, kernel: u32, stride: u32, padding: u32, out_height: u32,
  out_width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> place: array<u32>;
@group(0) @binding(4) var<storage, read> chosen: array<u32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

const MEAN = 0u;
const MAX = 1u;
const OP = MEAN; // tune: MEAN MAX
const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.planes * params.out_height * params.out_width) { return; }
  let ox = item % params.out_width;
  let line = item / params.out_width;
  let oy = line % params.out_height;
  let start = line / params.out_height * params.height * params.width;
  var total = 0.0;
  var best = -infinity();
  var best_rank = 0u; // below that of every value
  var best_at = 0u;
  var v = oy * params.stride - params.padding; // below 0 it wraps beyond the height
  for (var left = params.kernel; left > 0u; left--) {
    var u = ox * params.stride - params.padding;
    for (var more = params.kernel; more > 0u; more--) {
      if (v < params.height && u < params.width) {
        let value = x[start + v * params.width + u];
        total += value;
        let rank = rank_of(value);
        if (rank > best_rank) {
          best = value;
          best_rank = rank;
          best_at = v * params.width + u;
        }
      }
      u++;
    }
    v++;
  }
  y[item] = select(total / f32(params.kernel * params.kernel), best, OP == MAX);
  place[item] = best_at;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.planes * params.height * params.width) { return; }
  let col = item % params.width;
  let line = item / params.width;
  let row = line % params.height;
  let plane = line / params.height;
  let u = col + params.padding;
  let v = row + params.padding;
  var total = 0.0;
  // The windows that contain it, from the last one on.
  let down = turns(v % params.stride, min(params.kernel, v + 1u), params.stride);
  let across = turns(u % params.stride, min(params.kernel, u + 1u), params.stride);
  var oy = v / params.stride;
  for (var left = down; left > 0u; left--) {
    var ox = u / params.stride;
    for (var more = across; more > 0u; more--) {
      if (oy < params.out_height && ox < params.out_width) {
        let window = (plane * params.out_height + oy) * params.out_width + ox;
        if (OP == MEAN || chosen[window] == row * params.width + col) { total += dy[window]; }
      }
      ox--;
    }
    oy--;
  }
  dx[item] = select(total, total / f32(params.kernel * params.kernel), OP == MEAN);
}
