// Generated from kernels/tensor/assign_at.wgsl by npm run codegen. Do not edit.
export const tensorAssignAt = {
  name: 'tensor/assign_at',
  file: 'kernels/tensor/assign_at.wgsl',
  code: "// tensor/assign_at: overwrites rows of another tensor from a position that only the device knows: caches of keys and\n// values in a step that is recorded once. 32-bit elements of any kind.\n//   y[(o · rows + at + t) · inner + c] = x[(o · count + t) · inner + c],  at = position[o / share]\n// Shapes: x [outer, count, inner], y [outer, rows, inner], dense; position i32[outer / share]. Rows that would lie\n// outside of y are not written. T is vec4<u32> where inner (then counted in vec4s) is a multiple of 4.\n// Grid: ceil(outer · count · inner / WG) workgroups in a line. Traffic: 8 bytes per element of x.\n\nstruct Params { size: u32, count: u32, rows: u32, inner: u32, share: u32 }\n\nalias T = u32; // tune: u32 vec4<u32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read> position: array<i32>;\n@group(0) @binding(3) var<storage, read_write> y: array<T>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.size) { return; }\n  let line = i / params.inner;\n  let o = line / params.count;\n  let row = position[o / params.share] + i32(line - o * params.count);\n  if (row < 0 || row >= i32(params.rows)) { return; }\n  y[(o * params.rows + u32(row)) * params.inner + i - line * params.inner] = x[i];\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'size', type: 'u32', offset: 0 },
    { name: 'count', type: 'u32', offset: 4 },
    { name: 'rows', type: 'u32', offset: 8 },
    { name: 'inner', type: 'u32', offset: 12 },
    { name: 'share', type: 'u32', offset: 16 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'position', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'y', type: 'storage', element: 'T' },
  ],
  tunables: [{ name: 'T', value: 'u32', allowed: ['u32', 'vec4<u32>'], line: 10 }],
  entries: { assign: { bindings: ['params', 'x', 'position', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
