// Generated from kernels/copy.wgsl by npm run codegen. Do not edit.
export const copy = {
  name: 'copy',
  file: 'kernels/copy.wgsl',
  code: "// copy: between a dense tensor and a strided view of up to 5 axes; 32-bit elements of any kind.\n//   gather   y[i] = x[place(i)]        scatter  y[place(i)] = x[i]\n// place(i) = Σ_k coordinate_k(i) · stride_k, coordinates in row-major order of the view.\n// inner_k is the number of elements that one step of axis k spans. Grid: one lane an element, 64 a workgroup, in a line.\n// Traffic: 8 bytes an element. The divisions make it slow on purpose of being general: ops that run often take strides instead.\n\nstruct Params {\n  size: u32, x_offset: u32, y_offset: u32,\n  stride0: u32, stride1: u32, stride2: u32, stride3: u32, stride4: u32,\n  inner0: u32, inner1: u32, inner2: u32, inner3: u32,\n}\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<u32>;\n@group(0) @binding(2) var<storage, read_write> y: array<u32>;\n\nconst WG = 64u;\n\nfn place(i: u32) -> u32 {\n  var rest = i;\n  let c0 = rest / params.inner0;\n  rest -= c0 * params.inner0;\n  let c1 = rest / params.inner1;\n  rest -= c1 * params.inner1;\n  let c2 = rest / params.inner2;\n  rest -= c2 * params.inner2;\n  let c3 = rest / params.inner3;\n  rest -= c3 * params.inner3;\n  return c0 * params.stride0 + c1 * params.stride1 + c2 * params.stride2 + c3 * params.stride3 + rest * params.stride4;\n}\n\n@compute @workgroup_size(WG)\nfn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.size) { y[params.y_offset + i] = x[params.x_offset + place(i)]; }\n}\n\n@compute @workgroup_size(WG)\nfn scatter(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.size) { y[params.y_offset + place(i)] = x[params.x_offset + i]; }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'size', type: 'u32', offset: 0 },
    { name: 'x_offset', type: 'u32', offset: 4 },
    { name: 'y_offset', type: 'u32', offset: 8 },
    { name: 'stride0', type: 'u32', offset: 12 },
    { name: 'stride1', type: 'u32', offset: 16 },
    { name: 'stride2', type: 'u32', offset: 20 },
    { name: 'stride3', type: 'u32', offset: 24 },
    { name: 'stride4', type: 'u32', offset: 28 },
    { name: 'inner0', type: 'u32', offset: 32 },
    { name: 'inner1', type: 'u32', offset: 36 },
    { name: 'inner2', type: 'u32', offset: 40 },
    { name: 'inner3', type: 'u32', offset: 44 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'y', type: 'storage', element: 'u32' },
  ],
  tunables: [],
  entries: {
    gather: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    scatter: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
