// Params of a product with a packed weight by subgroup tiles, and what it binds but b2.
// Needs nothing in the kernel.

struct Params { M: u32, N: u32, K: u32, K2: u32, flags: u32, alpha: f32, group: u32, a_pitch: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2f>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> a2: array<vec2f>;
@group(0) @binding(7) var<storage, read> scales: array<f32>;
@group(0) @binding(8) var<storage, read> zeros: array<f32>;
