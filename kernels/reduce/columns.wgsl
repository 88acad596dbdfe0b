// reduce/columns: sum, largest or smallest over a middle axis, one lane per column of a segment.
//   y[o, s, c] = scale · OP x[o, s·chunk … min((s + 1)·chunk, rows), c]  (+ y[o, s, c] where add is not 0)
// Shapes: x float[outer, rows, cols], y float[outer, segments, cols], dense. With segments > 1 a second dispatch
// reduces y. T and U are vec4s where cols (then counted in vec4s) is a multiple of 4. Grid: ceil(outer · segments ·
// cols / WG) workgroups in a line.
// Accumulates in f32, in blocks; NaN passes. Traffic: 4 bytes per element. Used for gradients of biases.
// uses: lib/reduce_columns_operands.wgsl, lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl, lib/reduce_by.wgsl

alias T = f32; // tune: f32 vec4<f32>
alias U = u32; // tune: u32 vec4<u32>

const OP = SUM; // tune: SUM MAX MIN
const WG = 64u;

@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.segments * params.cols) { return; }
  let part = item / params.cols;
  let o = part / params.segments;
  let first = (part - o * params.segments) * params.chunk;
  let last = min(first + params.chunk, params.rows);
  let col = item - part * params.cols;
  // Four rows at a time, each into a value of its own, so that their loads are in flight together.
  var sums = Blocks(0u, T(start()), T(), T());
  var i = (o * params.rows + first) * params.cols + col;
  var row = first;
  while (row < last) {
    var part0 = T(start());
    var part1 = part0;
    var part2 = part0;
    var part3 = part0;
    let stop = min(row + 4u * BLOCK, last);
    for (; row + 3u < stop; row += 4u) {
      part0 = combine(part0, x[i]);
      part1 = combine(part1, x[i + params.cols]);
      part2 = combine(part2, x[i + 2u * params.cols]);
      part3 = combine(part3, x[i + 3u * params.cols]);
      i += 4u * params.cols;
    }
    for (; row < stop; row++) {
      part0 = combine(part0, x[i]);
      i += params.cols;
    }
    sums = add_part(sums, combine(combine(part0, part1), combine(part2, part3)));
  }
  store(item, result_of(sums) * params.scale);
}
