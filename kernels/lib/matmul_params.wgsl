// Params of products in batches, with a weight in any storage.
// Needs nothing in the kernel.

struct Params {
  M: u32, N: u32, K: u32, K_last: u32, K2: u32,
  batch_inner: u32, a_outer: u32, a_inner: u32, b_outer: u32, b_inner: u32,
  flags: u32, alpha: f32, group: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
