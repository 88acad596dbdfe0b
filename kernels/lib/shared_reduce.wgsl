// Reductions over a workgroup through its memory, in a fixed order: every lane gets the same result. Sixteen lanes add
// up the others, then each lane the sixteen: two barriers instead of one for each halving. Needs in the kernel: `const
// WG: u32`, a multiple of 16, and uniform control flow.

var<workgroup> lane_values: array<f32, WG>;
var<workgroup> part_values: array<f32, 16>;

fn shared_sum(value: f32, lane: u32) -> f32 {
  lane_values[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    var part = lane_values[lane];
    for (var i = 1u; i < WG / 16u; i++) { part += lane_values[lane + 16u * i]; }
    part_values[lane] = part;
  }
  workgroupBarrier();
  var total = part_values[0];
  for (var i = 1u; i < 16u; i++) { total += part_values[i]; }
  return total;
}

// Two sums for the barriers of one.
var<workgroup> lane_pairs: array<vec2f, WG>;
var<workgroup> part_pairs: array<vec2f, 16>;

fn shared_pair(value: vec2f, lane: u32) -> vec2f {
  lane_pairs[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    var part = lane_pairs[lane];
    for (var i = 1u; i < WG / 16u; i++) { part += lane_pairs[lane + 16u * i]; }
    part_pairs[lane] = part;
  }
  workgroupBarrier();
  var total = part_pairs[0];
  for (var i = 1u; i < 16u; i++) { total += part_pairs[i]; }
  return total;
}

fn shared_max(value: f32, lane: u32) -> f32 {
  lane_values[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    var part = lane_values[lane];
    for (var i = 1u; i < WG / 16u; i++) { part = max(part, lane_values[lane + 16u * i]); }
    part_values[lane] = part;
  }
  workgroupBarrier();
  var total = part_values[0];
  for (var i = 1u; i < 16u; i++) { total = max(total, part_values[i]); }
  return total;
}
