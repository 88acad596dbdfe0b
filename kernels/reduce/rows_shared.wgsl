// reduce/rows_shared: sum, largest or smallest over the last axis, one workgroup per segment of a row; no subgroups,
// any number of columns. Contract of reduce/rows.
//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))  (+ y[row, s] where add is not 0)
// Shapes: x float[rows, cols], y float[rows, segments], dense. T and U are vec4s and WIDTH 4 where cols and chunk are
// multiples of 4.
// Grid: rows · segments workgroups in a line. Accumulates in f32, in blocks; NaN passes. Traffic: 4 bytes per element.
// uses: lib/reduce_rows_operands.wgsl, lib/shared_reduce.wgsl, lib/row_values.wgsl, lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl, lib/reduce_by.wgsl, lib/turns.wgsl

alias T = f32; // tune: f32 vec4<f32>
alias U = u32; // tune: u32 vec4<u32>
const WIDTH = 1u; // tune: 1u 4u
const WG = 64u; // tune: 32u 64u 128u 256u 512u
const OP = SUM; // tune: SUM MAX MIN

@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = wg.y * count.x + wg.x;
  if (item >= params.rows * params.segments) { return; }
  let row = item / params.segments;
  let first = (item - row * params.segments) * params.chunk;
  let end = (row * params.cols + min(first + params.chunk, params.cols)) / WIDTH;
  var i = (row * params.cols + first) / WIDTH + lane;
  var sums = Blocks(0u, T(start()), T(), T());
  while (i < end) {
    let stop = min(i + 2u * BLOCK * WG, end);
    var part = T(start());
    for (var left = turns(i + WG, stop, 2u * WG); left > 0u; left--) {
      let a = x[i];
      let b = x[i + WG];
      part = combine(part, combine(a, b));
      i += 2u * WG;
    }
    for (var left = turns(i, stop, WG); left > 0u; left--) {
      part = combine(part, x[i]);
      i += WG;
    }
    sums = add_part(sums, part);
  }
  let values = result_of(sums);
  var total = 0.0;
  if (OP == SUM) { total = shared_sum(across(values), lane); }
  if (OP == MAX) { total = shared_max(greatest(values), lane); }
  if (OP == MIN) { total = -shared_max(greatest(-values), lane); }
  // The workgroup's largest may drop NaN, so whether a lane met one is told apart.
  if (OP != SUM) {
    let four = vec4f(values);
    let met_nan = is_nan(four.x) || is_nan(four.y) || is_nan(four.z) || is_nan(four.w);
    if (shared_max(f32(met_nan), lane) > 0.0) { total = quiet_nan(); }
  }
  if (lane == 0u) { store(item, total * params.scale); }
}
