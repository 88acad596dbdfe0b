// Params and bindings of layerNorm's kernels.
// Needs in the kernel: alias T of f32 or vec4<f32>.

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<T>;
@group(0) @binding(3) var<storage, read> bias: array<T>;
@group(0) @binding(4) var<storage, read_write> y: array<T>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;
@group(0) @binding(6) var<storage, read> stats_saved: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<T>;
@group(0) @binding(8) var<storage, read_write> dx: array<T>;
