// index/select: rows of a table by index, and the sum of gradients back into the table. Without atomics: the same sums
// in the same order.
//   gather   y[r, c] = x[index[r], c]                       (0 where the index is out of range)
//   find     first[t], count[t] = where and how often t occurs in index
//   collect  dx[t, c] = Σ_{r: index[r] = t} dy[r, c], r ascending
// Shapes: x, dx float[table, cols], index i32[rows], y, dy float[rows, cols], found u32[table, 2]; dense.
// Grid: gather and collect: one lane for 4 neighbours of a row, 64 lanes a workgroup, in a line over rows · ceil(cols /
// 4); find: one lane per table row. Traffic: 8 bytes per element of y; find reads index once for every table row, which
// the cache holds.
// The table may be a packed weight (FORMAT), of which only the chosen rows are read; group is the number of neighbours
// that share a scale.
// uses: lib/load_weight.wgsl, lib/weight_element.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, table: u32, vec4s: u32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> found: array<u32>;
@group(0) @binding(5) var<storage, read> known: array<u32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read> scales: array<f32>;
@group(0) @binding(9) var<storage, read> zeros: array<f32>;

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const WG = 64u;

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  let row = i / params.vec4s;
  if (row >= params.rows) { return; }
  let begin = (i - row * params.vec4s) * 4u;
  let source = index[row];
  let valid = source >= 0 && u32(source) < params.table;
  let from_row = u32(max(source, 0)) * params.cols;
  var c = begin;
  for (var left = turns(c, min(begin + 4u, params.cols), 1u); left > 0u; left--) {
    var value = 0.0;
    if (valid) { value = weight_of(x[(from_row + c) / PER_WORD], from_row + c); }
    y[row * params.cols + c] = value;
    c++;
  }
}

@compute @workgroup_size(WG)
fn find(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let t = (wg.y * count.x + wg.x) * WG + lane;
  if (t >= params.table) { return; }
  var first = params.rows;
  var times = 0u;
  var r = 0u;
  for (var left = params.rows; left > 0u; left--) {
    if (index[r] == i32(t)) {
      first = min(first, r);
      times++;
    }
    r++;
  }
  found[2u * t] = first;
  found[2u * t + 1u] = times;
}

@compute @workgroup_size(WG)
fn collect(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  let t = i / params.vec4s;
  if (t >= params.table) { return; }
  let begin = (i - t * params.vec4s) * 4u;
  let size = min(4u, params.cols - begin);
  var r = known[2u * t];
  var left = known[2u * t + 1u];
  var total = vec4f();
  while (left > 0u) {
    if (index[r] == i32(t)) {
      for (var k = 0u; k < size; k++) { total[k] += dy[r * params.cols + begin + k]; }
      left--;
    }
    r++;
  }
  for (var k = 0u; k < size; k++) { dx[t * params.cols + begin + k] = total[k]; }
}
