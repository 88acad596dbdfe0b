// Params of a product with the transpose of A by subgroup tiles, and what it binds but b.
// Needs nothing in the kernel.

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
