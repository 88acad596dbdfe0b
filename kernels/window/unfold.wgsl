// window/unfold: the windows of an image as rows of a matrix (im2col), so that a convolution is a matmul.
//   unfold  y[b, oy, ox, c, i, j] = x[b, c, oy·stride + i - padding, ox·stride + j - padding], 0 outside
//   fold    dx[b, c, v, u] = Σ of dy over the windows around (v, u)
// Shapes: x, dx float[batch, channels, height, width], y, dy float[batch, out_height·out_width,
// channels·kernel_height·kernel_width], dense.
// Grid: unfold one lane per row of one window, fold one lane per element of dx; ceil(… / WG) workgroups in a line. No
// atomics.
// Traffic: 4 bytes per element of y and of x.
// uses: lib/turns.wgsl

struct Params {
  batch: u32, channels: u32, height: u32, width: u32,
  kernel_height: u32, kernel_width: u32, stride: u32, padding: u32,
  out_height: u32, out_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn unfold(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.batch * params.out_height * params.out_width * params.channels * params.kernel_height) { return; }
  let i = item % params.kernel_height;
  let plane = item / params.kernel_height;
  let c = plane % params.channels;
  let window = plane / params.channels;
  let ox = window % params.out_width;
  let line = window / params.out_width;
  let oy = line % params.out_height;
  let b = line / params.out_height;
  let v = oy * params.stride + i - params.padding; // below 0 it wraps beyond the height
  let row = ((b * params.channels + c) * params.height + v) * params.width;
  var j = 0u;
  for (var left = params.kernel_width; left > 0u; left--) {
    let u = ox * params.stride + j - params.padding;
    var value = 0.0;
    if (v < params.height && u < params.width) { value = x[row + u]; }
    y[item * params.kernel_width + j] = value;
    j++;
  }
}

@compute @workgroup_size(WG)
fn fold(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.batch * params.channels * params.height * params.width) { return; }
  let u = item % params.width + params.padding;
  let line = item / params.width;
  let v = line % params.height + params.padding;
  let plane = line / params.height;
  let c = plane % params.channels;
  let b = plane / params.channels;
  var total = 0.0;
  // The windows that contain it, from the last one on: it is element (i, j) of window (oy, ox).
  let down = turns(v % params.stride, min(params.kernel_height, v + 1u), params.stride);
  let across = turns(u % params.stride, min(params.kernel_width, u + 1u), params.stride);
  var i = v % params.stride;
  var oy = v / params.stride;
  for (var left = down; left > 0u; left--) {
    var j = u % params.stride;
    var ox = u / params.stride;
    for (var more = across; more > 0u; more--) {
      if (oy < params.out_height && ox < params.out_width) {
        let window = (b * params.out_height + oy) * params.out_width + ox;
        total += dy[((window * params.channels + c) * params.kernel_height + i) * params.kernel_width + j];
      }
      j += params.stride;
      ox--;
    }
    i += params.stride;
    oy--;
  }
  dx[item] = total;
}
