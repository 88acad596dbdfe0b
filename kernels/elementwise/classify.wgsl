// elementwise/classify: 1 where a value is of a kind, else 0, decided by its bits.
//   NAN y = x is NaN     INF y = |x| = ∞     FINITE y = neither
// Shapes: x float[size], y u32[size], dense, in vec4s; the last four may reach into the padding. The values are bound
// as bits, about which compilers make no assumptions.
// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element.
// uses: lib/run.wgsl, lib/turns.wgsl

struct Params { vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;

const NAN = 0u;
const INF = 1u;
const FINITE = 2u;
const OP = NAN; // tune: NAN INF FINITE
const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = vec4u(is_of_kind(x[i] & vec4u(0x7fffffffu)));
    i += 8u;
  }
}

fn is_of_kind(size: vec4u) -> vec4<bool> {
  switch OP {
    case INF { return size == vec4u(0x7f800000u); }
    case FINITE { return size < vec4u(0x7f800000u); }
    default { return size > vec4u(0x7f800000u); }
  }
}
