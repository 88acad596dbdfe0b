// matmul/texel_rows: y[r, c] = x[r, c] with rows `pitch` vec4s apart in y, so that they can be copied into a texture:
// WebGPU takes rows of 16 texels and their multiples there. The padding behind a row's last element in y is undefined.
// Shapes: x float[rows, columns], y float[rows, 4 · pitch]. Grid: [ceil(columns / (4 · LANES)), ceil(rows / (64 / LANES
// · STEPS)), 1]. Traffic: 8 bytes per element.

struct Params { rows: u32, columns: u32, pitch: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> elements: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

const ALIGNED = true; // tune: false true
const LANES = 16u; // tune: 4u 8u 16u
const STEPS = 4u;

// Four elements from `index` on; ALIGNED: it is a multiple of 4.
fn four_at(index: u32) -> vec4f {
  if (ALIGNED) { return x[index / 4u]; }
  return vec4f(elements[index], elements[index + 1u], elements[index + 2u], elements[index + 3u]);
}

@compute @workgroup_size(64)
fn copy(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let four = wg.x * LANES + lane % LANES;
  if (4u * four >= params.columns) { return; }
  let begin = wg.y * (64u / LANES * STEPS) + lane / LANES;
  let end = min(begin + 64u / LANES * STEPS, params.rows);
  for (var row = begin; row < end; row += 64u / LANES) {
    y[row * params.pitch + four] = four_at(row * params.columns + 4u * four);
  }
}
