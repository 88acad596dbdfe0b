// prototype/columns: each channel of a batch item normalised over its tokens, one lane for STEPS channels.
//   forward   y[b, l, d] = x[b, l, d] / max(‖x[b, :, d]‖, 1e-12), inverse[b, d] = 1 / max(‖x[b, :, d]‖, 1e-12)
//   backward  dx = (dy - y·Σ_l dy·y) · inverse; dy · inverse where the norm was clamped
// Shapes: x, y, dx, dy float[batch, tokens, cols], inverse float[batch, cols], dense. T and U are vec4s where cols
// (then counted in vec4s) is a multiple of 4; with T = f32 it is its own baseline. Grid: [ceil(cols / (WG · STEPS)),
// batch]; a lane's channels lie 8 apart, so that eight lanes read a long run of each token's row. Accumulates in f32.
// Traffic: 12 bytes per element forward, 20 backward. Source: SQ-LLaVA, specification 1.4.2 step 4: over tokens, not
// over channels.
// uses: lib/run.wgsl, lib/extremes.wgsl

struct Params { tokens: u32, cols: u32 }

alias T = f32; // tune: f32 vec4<f32>
alias U = u32; // tune: u32 vec4<u32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> inverse: array<T>;
@group(0) @binding(4) var<storage, read> y_saved: array<T>;
@group(0) @binding(5) var<storage, read> inverse_saved: array<T>;
@group(0) @binding(6) var<storage, read> dy: array<T>;
@group(0) @binding(7) var<storage, read_write> dx: array<T>;

const WG = 64u; // tune: 8u 64u
const STEPS = 1u; // tune: 1u 4u

// Channel k of a lane's share, the last one where it has fewer.
fn column(begin: u32, k: u32) -> u32 { return min(begin + 8u * k, params.cols - 1u); }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(vec3u(wg.x, 0u, 0u), count, lane);
  if (begin >= params.cols) { return; }
  let first = wg.y * params.tokens * params.cols;
  let end = first + params.tokens * params.cols;
  var squares = array<T, STEPS>();
  for (var row = first; row < end; row += params.cols) {
    for (var k = 0u; k < STEPS; k++) {
      let value = x[row + column(begin, k)];
      squares[k] += value * value;
    }
  }
  var scale: array<T, STEPS>;
  for (var k = 0u; k < STEPS; k++) {
    scale[k] = T(1.0) / greater(sqrt(squares[k]), T(1e-12));
    if (begin + 8u * k < params.cols) { inverse[wg.y * params.cols + begin + 8u * k] = scale[k]; }
  }
  for (var row = first; row < end; row += params.cols) {
    for (var k = 0u; k < STEPS; k++) {
      if (begin + 8u * k < params.cols) { y[row + begin + 8u * k] = x[row + begin + 8u * k] * scale[k]; }
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(vec3u(wg.x, 0u, 0u), count, lane);
  if (begin >= params.cols) { return; }
  let first = wg.y * params.tokens * params.cols;
  let end = first + params.tokens * params.cols;
  var along = array<T, STEPS>();
  for (var row = first; row < end; row += params.cols) {
    for (var k = 0u; k < STEPS; k++) { along[k] += dy[row + column(begin, k)] * y_saved[row + column(begin, k)]; }
  }
  var scale: array<T, STEPS>;
  for (var k = 0u; k < STEPS; k++) {
    scale[k] = inverse_saved[wg.y * params.cols + column(begin, k)];
    along[k] = select(along[k], T(), scale[k] >= T(1e12));
  }
  for (var row = first; row < end; row += params.cols) {
    for (var k = 0u; k < STEPS; k++) {
      let i = row + begin + 8u * k;
      if (begin + 8u * k < params.cols) { dx[i] = (dy[i] - y_saved[i] * along[k]) * scale[k]; }
    }
  }
}
