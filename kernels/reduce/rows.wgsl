// reduce/rows: sum, largest or smallest over the last axis, one lane per segment of a row.
//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))  (+ y[row, s] where add is not 0)
// Shapes: x float[rows, cols], y float[rows, segments], dense. With segments > 1 a second dispatch reduces y: a fixed
// order, no atomics.
// Grid: ceil(rows · segments / WG) workgroups in a line. Accumulates in f32, in blocks; NaN passes.
// Traffic: 4 bytes per element.
// uses: lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl

struct Params { rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32, add: u32 }

alias T = f32;
alias U = u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const SUM = 0u;
const MAX = 1u;
const MIN = 2u;
const OP = SUM; // tune: SUM MAX MIN
const WG = 64u;

@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.rows * params.segments) { return; }
  let row = item / params.segments;
  let first = (item - row * params.segments) * params.chunk;
  let end = row * params.cols + min(first + params.chunk, params.cols);
  var sums = Blocks(0u, T(start()), T(), T());
  for (var i = row * params.cols + first; i < end;) {
    let stop = min(i + BLOCK, end);
    var part = start();
    for (; i < stop; i++) { part = combine(part, x[i]); }
    sums = add_part(sums, part);
  }
  store(item, result_of(sums) * params.scale);
}

fn store(at: u32, value: f32) {
  if (params.add == 0u) { y[at] = value; } else { y[at] += value; }
}

fn start() -> f32 { return select(select(infinity(), -infinity(), OP == MAX), 0.0, OP == SUM); }

fn add_part(sums: Blocks, part: T) -> Blocks {
  if (OP == SUM) { return add_block(sums, part); }
  return Blocks(0u, combine(sums.low, part), T(), T());
}

fn result_of(sums: Blocks) -> T {
  if (OP == SUM) { return sum_of(sums); }
  return sums.low;
}

fn combine(a: f32, b: f32) -> f32 {
  if (OP == MAX) { return greater(a, b); }
  if (OP == MIN) { return lesser(a, b); }
  return a + b;
}
