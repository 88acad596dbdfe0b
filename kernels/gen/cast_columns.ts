// Generated from kernels/cast/columns.wgsl by npm run codegen. Do not edit.
export const castColumns = {
  name: 'cast/columns',
  file: 'kernels/cast/columns.wgsl',
  code: "// cast/columns: the columns of a matrix times a factor each, in place: x[r, k] = x[r, k] · factors[k].\n// Shapes: x float[4 · vectors], rows of `cols` elements, a multiple of 4; factors float[cols]. Grid: ceil(vectors / WG)\n// workgroups in a line. Traffic: 8 bytes per element.\n\nstruct Params { vectors: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read> factors: array<vec4<f32>>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn scale(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.vectors) { return; }\n  x[i] *= factors[i % (params.cols / 4u)];\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'vectors', type: 'u32', offset: 0 }, { name: 'cols', type: 'u32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'storage', element: 'vec4<f32>' },
    { binding: 2, name: 'factors', type: 'read-only-storage', element: 'vec4<f32>' },
  ],
  tunables: [],
  entries: { scale: { bindings: ['params', 'x', 'factors'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
