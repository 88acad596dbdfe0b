// Params and bindings of the reductions over a middle axis, and how a result is stored.
// Needs in the kernel: alias T of f32 or vec4<f32>.

struct Params { outer: u32, rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32, add: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

fn store(at: u32, value: T) {
  if (params.add == 0u) { y[at] = value; } else { y[at] += value; }
}
