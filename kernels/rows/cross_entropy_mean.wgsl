// rows/cross_entropy_mean: the weighted mean of the rows' losses, or their sum, in a fixed order.
//   forward   loss = Σ row_loss / Σ w,   totals = loss, 1 / Σ w;   0 and 0 when Σ w is 0 (every row ignored)
//             summed = 1: loss = Σ row_loss,   totals = loss, 1
// Shapes: terms float[rows, 2] = row_loss, w; loss float[1]; totals float[2]. Grid: one workgroup; lane l sums rows l,
// l + WG, … in blocks, then eight lanes and lane 0 the lanes. Accumulates in f32. Traffic: 8 bytes per row.
// uses: lib/block_sum.wgsl, lib/turns.wgsl

struct Params { rows: u32, summed: u32 }

alias T = vec2<f32>;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> terms: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;

const WG = 64u;
var<workgroup> sums: array<vec2<f32>, WG>;

@compute @workgroup_size(WG)
fn forward(@builtin(local_invocation_index) lane: u32) {
  var blocks = Blocks();
  for (var row = lane; row < params.rows;) {
    let stop = min(row + BLOCK * WG, params.rows);
    var part = vec2f();
    // Four loads in flight, added in their order.
    for (var left = turns(row + 3u * WG, stop, 4u * WG); left > 0u; left--) {
      let a = terms[row];
      let b = terms[row + WG];
      let c = terms[row + 2u * WG];
      let d = terms[row + 3u * WG];
      part = part + a + b + c + d;
      row += 4u * WG;
    }
    for (var left = turns(row, stop, WG); left > 0u; left--) {
      part += terms[row];
      row += WG;
    }
    blocks = add_block(blocks, part);
  }
  sums[lane] = sum_of(blocks);
  workgroupBarrier();
  var sum = vec2f();
  if (lane < 8u) {
    for (var i = lane; i < WG; i += 8u) { sum += sums[i]; }
  }
  workgroupBarrier();
  if (lane < 8u) { sums[lane] = sum; }
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var i = 1u; i < 8u; i++) { sum += sums[i]; }
  let weight = select(select(1.0 / sum.y, 0.0, sum.y == 0.0), 1.0, params.summed == 1u);
  loss[0] = sum.x * weight;
  totals[0] = sum.x * weight;
  totals[1] = weight;
}
