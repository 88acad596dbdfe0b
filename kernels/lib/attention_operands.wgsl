// The operands of attention and of its backward, in buffers.
// Needs in the kernel: alias T of f32 or vec4<f32>.

@group(0) @binding(1) var<storage, read> q: array<T>;
@group(0) @binding(2) var<storage, read> k: array<T>;
@group(0) @binding(3) var<storage, read> v: array<T>;
@group(0) @binding(9) var<storage, read> dy: array<T>;
