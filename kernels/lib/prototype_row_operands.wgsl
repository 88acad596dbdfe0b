// Params and bindings of the prototype extractor's steps that reduce over channels.
// Needs in the kernel: alias T of f32 or vec4<f32>.

struct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> inverse: array<f32>;
@group(0) @binding(4) var<storage, read> y_saved: array<T>;
@group(0) @binding(5) var<storage, read> inverse_saved: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<T>;
@group(0) @binding(7) var<storage, read_write> dx: array<T>;
@group(0) @binding(8) var<storage, read> scores: array<f32>;
@group(0) @binding(9) var<storage, read> centre_unit: array<T>;
@group(0) @binding(10) var<storage, read> alpha: array<f32>;
@group(0) @binding(11) var<storage, read> beta: array<f32>;
@group(0) @binding(12) var<storage, read_write> index_out: array<u32>;
@group(0) @binding(13) var<storage, read_write> stats_out: array<f32>;
@group(0) @binding(14) var<storage, read> f: array<T>;
@group(0) @binding(15) var<storage, read> group: array<T>;
@group(0) @binding(16) var<storage, read> dgroup: array<T>;
@group(0) @binding(17) var<storage, read> index: array<u32>;
@group(0) @binding(18) var<storage, read> stats: array<f32>;
@group(0) @binding(19) var<storage, read_write> dgate: array<f32>;
