// elementwise/compare: 1 where the comparison of two elements holds, else 0, with broadcasting.
//   y = a OP b; AND, OR and XOR treat nonzero as true. NaN equals nothing, not even itself
// Shapes: up to 4 axes after adjacent ones are merged, any strides; y u32, dense.
// Grid: each lane computes SPAN adjacent elements of the last axis, ceil(lines · parts / WG) workgroups in a line.
// Traffic: 12 bytes per element.
// uses: lib/broadcast_pair.wgsl, lib/special_values.wgsl, lib/turns.wgsl

alias T = f32; // tune: f32 i32 u32

@group(0) @binding(3) var<storage, read_write> y: array<u32>;

const EQ = 0u;
const NE = 1u;
const LT = 2u;
const LE = 3u;
const GT = 4u;
const GE = 5u;
const AND = 6u;
const OR = 7u;
const XOR = 8u;
const OP = EQ; // tune: EQ NE LT LE GT GE AND OR XOR
const WG = 64u;
const SPAN = 8u;

const IS_FLOAT = T(0.5) != T(0);

fn is_unordered(u: T, v: T) -> bool { return IS_FLOAT && (is_nan(bitcast<f32>(u)) || is_nan(bitcast<f32>(v))); }

fn holds(u: T, v: T) -> bool {
  if (is_unordered(u, v)) { return OP == NE; }
  switch OP {
    case NE { return u != v; }
    case LT { return u < v; }
    case LE { return u <= v; }
    case GT { return u > v; }
    case GE { return u >= v; }
    case AND { return u != T(0) && v != T(0); }
    case OR { return u != T(0) || v != T(0); }
    case XOR { return (u != T(0)) != (v != T(0)); }
    default { return u == v; }
  }
}

@compute @workgroup_size(WG)
fn strided(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.items) { return; }
  let span = span_of(item);
  var k = span.first;
  for (var left = turns(k, span.end, 1u); left > 0u; left--) {
    y[span.to + k] = u32(holds(a[span.from_a + k * params.a_stride3], b[span.from_b + k * params.b_stride3]));
    k++;
  }
}
