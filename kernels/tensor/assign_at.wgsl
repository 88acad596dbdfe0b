// tensor/assign_at: overwrites rows of another tensor from a position that only the device knows: caches of keys and
// values in a step that is recorded once. 32-bit elements of any kind.
//   y[(o · rows + at + t) · inner + c] = x[(o · count + t) · inner + c],  at = position[o / share]
// Shapes: x [outer, count, inner], y [outer, rows, inner], dense; position i32[outer / share]. Rows that would lie
// outside of y are not written. T is vec4<u32> where inner (then counted in vec4s) is a multiple of 4.
// Grid: ceil(outer · count · inner / WG) workgroups in a line. Traffic: 8 bytes per element of x.

struct Params { size: u32, count: u32, rows: u32, inner: u32, share: u32 }

alias T = u32; // tune: u32 vec4<u32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> position: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

const WG = 64u;

@compute @workgroup_size(WG)
fn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.size) { return; }
  let line = i / params.inner;
  let o = line / params.count;
  let row = position[o / params.share] + i32(line - o * params.count);
  if (row < 0 || row >= i32(params.rows)) { return; }
  y[(o * params.rows + u32(row)) * params.inner + i - line * params.inner] = x[i];
}
