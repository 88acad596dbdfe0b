// Four elements of a place of lib/place_of.wgsl, from buffers.
// Needs in the kernel: alias T = vec4<f32>, lib/attention_buffers.wgsl, lib/attention_operands.wgsl, and const QUADS,
// the vec4s of a row.

fn load_q(at: vec2u) -> vec4f { return q[at.y * (params.q_token / 4u) + at.x]; }
fn load_k(at: vec2u) -> vec4f { return k[at.y * (params.kv_token / 4u) + at.x]; }
fn load_v(at: vec2u) -> vec4f { return v[at.y * (params.kv_token / 4u) + at.x]; }
fn load_dy(at: vec2u) -> vec4f { return dy[at.y * (params.heads * QUADS) + at.x]; }
