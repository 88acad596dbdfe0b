// Params of attention's kernels, and what they bind besides q, k, v and dy. One number for each name in all of them, so
// that all have the contract of attention/naive; an entry binds only what it uses.
// Needs in the kernel: alias T of f32 or vec4<f32>, what y and the gradients are stored as.

struct Params {
  tokens: u32, keys: u32, heads: u32, group: u32, width: u32,
  q_batch: u32, q_head: u32, q_token: u32, q_offset: u32,
  kv_batch: u32, kv_head: u32, kv_token: u32, k_offset: u32, v_offset: u32,
  scale: f32, flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> bounds: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;
@group(0) @binding(11) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(12) var<storage, read_write> dq: array<T>;
@group(0) @binding(13) var<storage, read_write> dk: array<T>;
@group(0) @binding(14) var<storage, read_write> dv: array<T>;
