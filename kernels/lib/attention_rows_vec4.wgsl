// As lib/attention_rows.wgsl, where rows begin at multiples of 4 and have a multiple of 4 elements.
// Needs in the kernel: alias T = vec4<f32>, lib/attention_buffers.wgsl, lib/attention_operands.wgsl.

fn load_q(row: u32, d: u32) -> vec4f { return select(vec4f(), q[(row + d) / 4u], d < params.width); }
fn load_k(row: u32, d: u32) -> vec4f { return select(vec4f(), k[(row + d) / 4u], d < params.width); }
fn load_v(row: u32, d: u32) -> vec4f { return select(vec4f(), v[(row + d) / 4u], d < params.width); }
fn load_dy(row: u32, d: u32) -> vec4f { return select(vec4f(), dy[(row + d) / 4u], d < params.width); }
fn store_y(row: u32, d: u32, four: vec4f) { if (d < params.width) { y[(row + d) / 4u] = four; } }
fn store_dq(row: u32, d: u32, four: vec4f) { if (d < params.width) { dq[(row + d) / 4u] = four; } }
fn store_dk(row: u32, d: u32, four: vec4f) { if (d < params.width) { dk[(row + d) / 4u] = four; } }
fn store_dv(row: u32, d: u32, four: vec4f) { if (d < params.width) { dv[(row + d) / 4u] = four; } }
