// cast/columns: the columns of a matrix times a factor each, in place: x[r, k] = x[r, k] · factors[k].
// Shapes: x float[4 · vectors], rows of `cols` elements, a multiple of 4; factors float[cols]. Grid: ceil(vectors / WG)
// workgroups in a line. Traffic: 8 bytes per element.

struct Params { vectors: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> factors: array<vec4<f32>>;

const WG = 64u;

@compute @workgroup_size(WG)
fn scale(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.vectors) { return; }
  x[i] *= factors[i % (params.cols / 4u)];
}
