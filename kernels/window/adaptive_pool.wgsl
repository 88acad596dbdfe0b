// window/adaptive_pool: means over bins that tile an axis of any length; adjacent bins may share an element.
//   forward   y[b, i, c] = mean x[b, start(i) … end(i), c], start(i) = ⌊i·L / N⌋, end(i) = ⌈(i + 1)·L / N⌉
//   backward  dx[b, l, c] = Σ_{bins i around l} dy[b, i, c] / (end(i) - start(i))
// Shapes: x, dx float[batch, from_len, cols], y, dy float[batch, to_len, cols], dense; L = from_len, N = to_len. T is
// vec4s where cols is a multiple of 4.
// Grid: one lane per element of what is written, ceil(… / WG) workgroups in a line. Traffic: 4 bytes per element of x
// and of y.
// Source: PyTorch, AdaptiveAveragePooling.cpp.
// uses: lib/turns.wgsl

struct Params { batch: u32, from_len: u32, to_len: u32, cols: u32 }

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

const WG = 64u;

fn bin_start(i: u32) -> u32 { return i * params.from_len / params.to_len; }
fn bin_end(i: u32) -> u32 { return ((i + 1u) * params.from_len + params.to_len - 1u) / params.to_len; }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.batch * params.to_len * params.cols) { return; }
  let line = item / params.cols;
  let b = line / params.to_len;
  let i = line - b * params.to_len;
  let end = bin_end(i);
  var total = T(0.0);
  var l = bin_start(i);
  for (var left = turns(l, end, 1u); left > 0u; left--) {
    total += x[(b * params.from_len + l) * params.cols + (item - line * params.cols)];
    l++;
  }
  y[item] = total / f32(end - bin_start(i));
}

// Here x is dy and y is dx.
@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.batch * params.from_len * params.cols) { return; }
  let line = item / params.cols;
  let b = line / params.from_len;
  let l = line - b * params.from_len;
  let last = ((l + 1u) * params.to_len + params.from_len - 1u) / params.from_len;
  var total = T(0.0);
  var i = l * params.to_len / params.from_len;
  for (var left = turns(i, last, 1u); left > 0u; left--) {
    total += x[(b * params.to_len + i) * params.cols + (item - line * params.cols)] / f32(bin_end(i) - bin_start(i));
    i++;
  }
  y[item] = total;
}
