// prototype/columns: each channel of a batch item made unit over its tokens, one lane a channel.
//   forward   y[b, l, d] = x[b, l, d] / max(‖x[b, :, d]‖, 1e-12), inverse[b, d] = 1 / max(‖x[b, :, d]‖, 1e-12)
//   backward  dx = (dy - y·Σ_l dy·y) · inverse; dy · inverse where the norm was clamped
// Shapes: x, y, dx, dy float[batch, tokens, cols], inverse float[batch, cols], dense. T is vec4<f32> where cols (then counted in fours)
// is a multiple of 4; with T = f32 it is its own baseline. Grid: [ceil(cols / WG), batch]. Accumulates in f32.
// Traffic: 12 bytes an element forward, 20 backward. Source: SQ-LLaVA, specification 1.4.2 step 4: over tokens, not over channels.

struct Params { tokens: u32, cols: u32 }

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> inverse: array<T>;
@group(0) @binding(4) var<storage, read> y_saved: array<T>;
@group(0) @binding(5) var<storage, read> inverse_saved: array<T>;
@group(0) @binding(6) var<storage, read> dy: array<T>;
@group(0) @binding(7) var<storage, read_write> dx: array<T>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = wg.x * WG + lane;
  if (col >= params.cols) { return; }
  let begin = wg.y * params.tokens * params.cols + col;
  let end = begin + params.tokens * params.cols;
  var squares = T();
  for (var i = begin; i < end; i += params.cols) { squares += x[i] * x[i]; }
  let scale = T(1.0) / max(sqrt(squares), T(1e-12));
  for (var i = begin; i < end; i += params.cols) { y[i] = x[i] * scale; }
  inverse[wg.y * params.cols + col] = scale;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = wg.x * WG + lane;
  if (col >= params.cols) { return; }
  let begin = wg.y * params.tokens * params.cols + col;
  let end = begin + params.tokens * params.cols;
  let scale = inverse_saved[wg.y * params.cols + col];
  var along = T();
  for (var i = begin; i < end; i += params.cols) { along += dy[i] * y_saved[i]; }
  along = select(along, T(), scale >= T(1e12));
  for (var i = begin; i < end; i += params.cols) { dx[i] = (dy[i] - y_saved[i] * along) * scale; }
}
