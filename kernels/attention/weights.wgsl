// attention/weights: the step between the products of attention's backward: turns scores and dy·vᵀ into p and ds, both
// in place.
//   s = q·kᵀ → p = exp(scale · s - lse),   ds = dy·vᵀ → p · (ds - Σ dy · y) · scale;   0 where a query does not see a
//     key
// Shapes: s, ds float[rows, keys], keys a multiple of 4; stats float[B·H·T, 4] as attention/naive's prepare writes it,
// the rows' from `first` on.
// Grid: ceil(rows / (WG / 8)) workgroups in a line, eight adjacent lanes a row. Traffic: 16 bytes per element.
// uses: lib/turns.wgsl

struct Params { rows: u32, vec4s: u32, first: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> s: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> ds: array<vec4<f32>>;

const WG = 64u;

@compute @workgroup_size(WG)
fn weights(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / 8u) + lane / 8u;
  if (row >= params.rows) { return; }
  let stats = stats_saved[params.first + row];
  var i = lane % 8u;
  for (var left = turns(i, params.vec4s, 8u); left > 0u; left--) {
    let at = row * params.vec4s + i;
    let there = vec4f(4.0 * f32(i)) + vec4f(0.0, 1.0, 2.0, 3.0) < vec4f(stats.z);
    let p = select(vec4f(), exp(s[at] * params.scale - stats.x), there);
    s[at] = p;
    ds[at] = p * (ds[at] - stats.y) * params.scale;
    i += 8u;
  }
}
