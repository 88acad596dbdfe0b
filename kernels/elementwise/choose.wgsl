// elementwise/choose: selects between two tensors by a condition, with broadcasting.
//   y = cond ? a : b; its gradients are the same with dy and a zero: da = cond ? dy : 0, db = cond ? 0 : dy
// Shapes: up to 3 axes after adjacent ones are merged, any strides; y dense; 32-bit elements of any kind.
// Grid: each lane computes SPAN adjacent elements of the last axis, ceil(lines · parts / WG) workgroups in a line.
// Traffic: 16 bytes per element.
// uses: lib/turns.wgsl

struct Params {
  items: u32, parts: u32, n1: u32, n2: u32,
  cond_offset: u32, a_offset: u32, b_offset: u32,
  cond_stride0: u32, cond_stride1: u32, cond_stride2: u32,
  a_stride0: u32, a_stride1: u32, a_stride2: u32,
  b_stride0: u32, b_stride1: u32, b_stride2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> cond: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<u32>;
@group(0) @binding(3) var<storage, read> b: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

const WG = 64u;
const SPAN = 8u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.items) { return; }
  let line = item / params.parts;
  let first = (item - line * params.parts) * SPAN;
  let c0 = line / params.n1;
  let c1 = line - c0 * params.n1;
  let from_cond = params.cond_offset + c0 * params.cond_stride0 + c1 * params.cond_stride1;
  let from_a = params.a_offset + c0 * params.a_stride0 + c1 * params.a_stride1;
  let from_b = params.b_offset + c0 * params.b_stride0 + c1 * params.b_stride1;
  var k = first;
  for (var left = turns(k, min(first + SPAN, params.n2), 1u); left > 0u; left--) {
    if (cond[from_cond + k * params.cond_stride2] != 0u) {
      y[line * params.n2 + k] = a[from_a + k * params.a_stride2];
    } else {
      y[line * params.n2 + k] = b[from_b + k * params.b_stride2];
    }
    k++;
  }
}
