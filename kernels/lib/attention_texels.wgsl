// The operands of attention and of its backward in textures, and four elements of a place of lib/place_of.wgsl.
// Needs nothing in the kernel.

@group(0) @binding(1) var q: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var k: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(9) var dy: texture_storage_2d<rgba32float, read>;

fn load_q(at: vec2u) -> vec4f { return textureLoad(q, at); }
fn load_k(at: vec2u) -> vec4f { return textureLoad(k, at); }
fn load_v(at: vec2u) -> vec4f { return textureLoad(v, at); }
fn load_dy(at: vec2u) -> vec4f { return textureLoad(dy, at); }
