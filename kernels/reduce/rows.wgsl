// reduce/rows: sum, greatest or least over the last axis, one lane a segment of a row.
//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))
// Shapes: x float[rows, cols], y float[rows, segments], dense. With segments > 1 a second dispatch reduces y: a fixed order, no atomics.
// Grid: ceil(rows · segments / WG) workgroups in a line. Accumulates in f32. Traffic: 4 bytes an element.

struct Params { rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const SUM = 0u;
const MAX = 1u;
const MIN = 2u;
const OP = SUM; // tune: SUM MAX MIN
const WG = 64u;

@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.rows * params.segments) { return; }
  let row = item / params.segments;
  let first = (item - row * params.segments) * params.chunk;
  let end = row * params.cols + min(first + params.chunk, params.cols);
  var total = start();
  for (var i = row * params.cols + first; i < end; i++) { total = combine(total, x[i]); }
  y[item] = total * params.scale;
}

fn start() -> f32 { return select(select(3.4028234e38, -3.4028234e38, OP == MAX), 0.0, OP == SUM); }

fn combine(a: f32, b: f32) -> f32 {
  if (OP == MAX) { return max(a, b); }
  if (OP == MIN) { return min(a, b); }
  return a + b;
}
