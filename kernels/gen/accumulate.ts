// Generated from kernels/accumulate.wgsl by npm run codegen. Do not edit.
export const accumulate = {
  name: 'accumulate',
  file: 'kernels/accumulate.wgsl',
  code: "// accumulate: sums of gradients.\n//   add_to  y[i] += x[i]        add  y[i] = a[i] + x[i]        assign  y[i] = x[i]\n// Shapes: all float[size], dense. Grid: one lane for 4 neighbours, ceil(size / 256) workgroups in a line.\n// Traffic: 12 bytes an element (8 for set). Neighbours of one lane are 1 apart: a subgroup walks contiguous memory.\n\nstruct Params { size: u32, x_offset: u32, a_offset: u32, y_offset: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> a: array<f32>;\n@group(0) @binding(3) var<storage, read_write> y: array<f32>;\n\nconst WG = 64u;\n\nfn first(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane) * 4u;\n}\n\n@compute @workgroup_size(WG)\nfn add_to(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let begin = first(wg, count, lane);\n  for (var i = begin; i < min(begin + 4u, params.size); i++) {\n    y[params.y_offset + i] += x[params.x_offset + i];\n  }\n}\n\n@compute @workgroup_size(WG)\nfn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let begin = first(wg, count, lane);\n  for (var i = begin; i < min(begin + 4u, params.size); i++) {\n    y[params.y_offset + i] = a[params.a_offset + i] + x[params.x_offset + i];\n  }\n}\n\n@compute @workgroup_size(WG)\nfn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let begin = first(wg, count, lane);\n  for (var i = begin; i < min(begin + 4u, params.size); i++) {\n    y[params.y_offset + i] = x[params.x_offset + i];\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'size', type: 'u32', offset: 0 },
    { name: 'x_offset', type: 'u32', offset: 4 },
    { name: 'a_offset', type: 'u32', offset: 8 },
    { name: 'y_offset', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'a', type: 'read-only-storage', element: 'f32' },
    { binding: 3, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    add_to: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    add: { bindings: ['params', 'x', 'a', 'y'], workgroupSize: ['WG'] },
    assign: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
