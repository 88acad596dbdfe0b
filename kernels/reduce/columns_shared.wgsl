// reduce/columns_shared: sum, largest or smallest over a middle axis, DOWN lanes of a workgroup a column of a segment,
// which they put together in its memory. Contract of reduce/columns. For real GPUs. Few columns take few lanes across,
// so that all their rows are one segment, and one dispatch.
//   y[o, s, c] = scale · OP x[o, s·chunk … min((s + 1)·chunk, rows), c]  (+ y[o, s, c] where add is not 0)
// Grid: outer · segments · ceil(cols / ACROSS) workgroups in a line. Accumulates in f32, in blocks; NaN passes.
// Traffic: 4 bytes per element. Used for gradients of biases.
// uses: lib/reduce_columns_operands.wgsl, lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl, lib/reduce_by.wgsl, lib/turns.wgsl

alias T = f32; // tune: f32 vec4<f32>
alias U = u32; // tune: u32 vec4<u32>

const OP = SUM; // tune: SUM MAX MIN
const ACROSS = 32u; // tune: 8u 32u
const DOWN = 256u / ACROSS;
var<workgroup> parts: array<T, 256>;

@compute @workgroup_size(256)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let blocks = (params.cols + ACROSS - 1u) / ACROSS;
  let item = wg.y * count.x + wg.x;
  let part = item / blocks;
  if (part >= params.outer * params.segments) { return; }
  let o = part / params.segments;
  let first = (part - o * params.segments) * params.chunk;
  let last = min(first + params.chunk, params.rows);
  let col = (item - part * blocks) * ACROSS + lane % ACROSS;
  // A column past the end is the last one once more, and is not stored.
  let column = min(col, params.cols - 1u);
  // Four rows at a time, each into a value of its own, so that their loads are in flight together.
  var sums = Blocks(0u, T(start()), T(), T());
  var row = first + lane / ACROSS;
  var i = (o * params.rows + row) * params.cols + column;
  while (row < last) {
    var part0 = T(start());
    var part1 = part0;
    var part2 = part0;
    var part3 = part0;
    let stop = min(row + 4u * BLOCK * DOWN, last);
    for (var left = turns(row + 3u * DOWN, stop, 4u * DOWN); left > 0u; left--) {
      part0 = combine(part0, x[i]);
      part1 = combine(part1, x[i + DOWN * params.cols]);
      part2 = combine(part2, x[i + 2u * DOWN * params.cols]);
      part3 = combine(part3, x[i + 3u * DOWN * params.cols]);
      i += 4u * DOWN * params.cols;
      row += 4u * DOWN;
    }
    for (var left = turns(row, stop, DOWN); left > 0u; left--) {
      part0 = combine(part0, x[i]);
      i += DOWN * params.cols;
      row += DOWN;
    }
    sums = add_part(sums, combine(combine(part0, part1), combine(part2, part3)));
  }
  parts[lane] = result_of(sums);
  workgroupBarrier();
  if (lane < ACROSS && col < params.cols) {
    var result = parts[lane];
    for (var k = 1u; k < DOWN; k++) { result = combine(result, parts[lane + k * ACROSS]); }
    store(part * params.cols + col, result * params.scale);
  }
}
