// Generated from kernels/tensor/copy_axes.wgsl by npm run codegen. Do not edit.
export const tensorCopyAxes = {
  name: 'tensor/copy_axes',
  file: 'kernels/tensor/copy_axes.wgsl',
  code: "// tensor/copy_axes: tensor/copy_elements for a view of any number of axes: their sizes and strides are data, which\n// params have no room for.\n//   gather   y[i] = x[place(i)]        scatter  y[place(i)] = x[i]\n// place(i) = Σ_k coordinate_k(i) · stride_k, coordinates in row-major order of the view.\n// Shapes: walk u32[axes, 2], size and stride of each axis, the outermost first. Grid: one lane per element, 64 a\n// workgroup, in a line. Traffic: 8 bytes per element, and walk, which the cache holds.\n\nstruct Params { size: u32, axes: u32, x_offset: u32, y_offset: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<u32>;\n@group(0) @binding(2) var<storage, read> walk: array<vec2<u32>>;\n@group(0) @binding(3) var<storage, read_write> y: array<u32>;\n\nconst WG = 64u;\n\nfn place(i: u32) -> u32 {\n  var rest = i;\n  var at = 0u;\n  for (var k = params.axes; k > 0u; k--) {\n    let axis = walk[k - 1u];\n    at += rest % axis.x * axis.y;\n    rest /= axis.x;\n  }\n  return at;\n}\n\n@compute @workgroup_size(WG)\nfn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.size) { y[params.y_offset + i] = x[params.x_offset + place(i)]; }\n}\n\n@compute @workgroup_size(WG)\nfn scatter(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.size) { y[params.y_offset + place(i)] = x[params.x_offset + i]; }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'size', type: 'u32', offset: 0 },
    { name: 'axes', type: 'u32', offset: 4 },
    { name: 'x_offset', type: 'u32', offset: 8 },
    { name: 'y_offset', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'walk', type: 'read-only-storage', element: 'vec2<u32>' },
    { binding: 3, name: 'y', type: 'storage', element: 'u32' },
  ],
  tunables: [],
  entries: {
    gather: { bindings: ['params', 'x', 'walk', 'y'], workgroupSize: ['WG'] },
    scatter: { bindings: ['params', 'x', 'walk', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
