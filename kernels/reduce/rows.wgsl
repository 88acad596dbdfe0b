// reduce/rows: sum, largest or smallest over the last axis, one lane per segment of a row.
//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))  (+ y[row, s] where add is not 0)
// Shapes: x float[rows, cols], y float[rows, segments], dense. With segments > 1 a second dispatch reduces y: a fixed
// order, no atomics.
// Grid: ceil(rows · segments / WG) workgroups in a line. Accumulates in f32, in blocks; NaN passes.
// Traffic: 4 bytes per element.
// uses: lib/reduce_rows_operands.wgsl, lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl, lib/reduce_by.wgsl, lib/turns.wgsl

alias T = f32;
alias U = u32;

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
    for (var left = turns(i, stop, 1u); left > 0u; left--) {
      part = combine(part, x[i]);
      i++;
    }
    sums = add_part(sums, part);
  }
  store(item, result_of(sums) * params.scale);
}
