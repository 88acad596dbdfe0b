// Params of a product of few rows with a packed weight, and what it binds but the weight b.
// Needs nothing in the kernel.

struct Params { M: u32, N: u32, K: u32, K2: u32, flags: u32, alpha: f32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> a2: array<vec4f>;
@group(0) @binding(6) var<storage, read> b2: array<vec4f>;
@group(0) @binding(7) var<storage, read> scales: array<f32>;
@group(0) @binding(8) var<storage, read> zeros: array<f32>;
