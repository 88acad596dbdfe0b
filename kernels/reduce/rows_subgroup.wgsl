enable subgroups;
// reduce/rows_subgroup: one subgroup per segment of a row, lanes along the columns in vec4s; no barrier. Same contract
// as reduce/rows, for cols and chunk that are multiples of 4.
//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))  (+ y[row, s] where add is not 0)
// Shapes: x float[rows, cols], y float[rows, segments], dense. Grid: ceil(rows · segments / (WG / SG)) workgroups in a
// line.
// Accumulates in f32, in blocks; NaN passes. Traffic: 4 bytes per element.
// uses: lib/reduce_rows_operands.wgsl, lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl, lib/reduce_by.wgsl, lib/turns.wgsl

alias T = vec4<f32>;
alias U = vec4<u32>;

const OP = SUM; // tune: SUM MAX MIN
const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u;

// An item past the end is computed again as the last one and not stored, so that control flow stays uniform in a
// subgroup.
@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let item = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let items = params.rows * params.segments;
  let row = min(item, items - 1u) / params.segments;
  let first = (min(item, items - 1u) - row * params.segments) * params.chunk;
  let end = (row * params.cols + min(first + params.chunk, params.cols)) / 4u;
  var blocks = Blocks(0u, T(start()), T(), T());
  for (var i = (row * params.cols + first) / 4u + index % SG; i < end;) {
    let stop = min(i + BLOCK * SG, end);
    var part = vec4(start());
    for (var left = turns(i, stop, SG); left > 0u; left--) {
      part = combine(part, x[i]);
      i += SG;
    }
    blocks = add_part(blocks, part);
  }
  let sums = result_of(blocks);
  let pair = combine(vec4(sums.xy, 0.0, 0.0), vec4(sums.zw, 0.0, 0.0));
  var total = combine(vec4(pair.x), vec4(pair.y));
  if (SG >= 64u) { total = combine(total, subgroupShuffleXor(total, 32u)); }
  if (SG >= 32u) { total = combine(total, subgroupShuffleXor(total, 16u)); }
  if (SG >= 16u) { total = combine(total, subgroupShuffleXor(total, 8u)); }
  if (SG >= 8u) { total = combine(total, subgroupShuffleXor(total, 4u)); }
  total = combine(total, subgroupShuffleXor(total, 2u));
  total = combine(total, subgroupShuffleXor(total, 1u));
  if (item < items && index % SG == 0u) { store(item, total.x * params.scale); }
}
