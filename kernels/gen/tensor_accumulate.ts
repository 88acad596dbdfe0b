// Generated from kernels/tensor/accumulate.wgsl by npm run codegen. Do not edit.
export const tensorAccumulate = {
  name: 'tensor/accumulate',
  file: 'kernels/tensor/accumulate.wgsl',
  code: "// accumulate: sums of gradients.\n//   add_to  y[i] += x[i]        add  y[i] = a[i] + x[i]        assign  y[i] = x[i]\n// Shapes: all float[size], dense; in vec4s where size and offsets (then in vec4s too) allow.\n// Grid: ceil(items / (WG · STEPS)) workgroups in a line. Traffic: 12 bytes per element (8 for assign).\n// uses: lib/run.wgsl, lib/turns.wgsl\n\nalias T = vec4<f32>; // tune: f32 vec4<f32>\n\nstruct Params { items: u32, x_offset: u32, a_offset: u32, y_offset: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read> a: array<T>;\n@group(0) @binding(3) var<storage, read_write> y: array<T>;\n\nconst WG = 64u;\nconst STEPS = 1u; // tune: 1u 4u 16u 64u\n\n@compute @workgroup_size(WG)\nfn add_to(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.items);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    y[params.y_offset + i] += x[params.x_offset + i];\n    i += 8u;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.items);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    y[params.y_offset + i] = a[params.a_offset + i] + x[params.x_offset + i];\n    i += 8u;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.items);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    y[params.y_offset + i] = x[params.x_offset + i];\n    i += 8u;\n  }\n}\n",
  uses: ['lib/run.wgsl', 'lib/turns.wgsl'],
  lib: "// A lane's share of a line of items: eight adjacent lanes walk a run of 8 · STEPS items together, so that each\n// subgroup of a software adapter, which runs its whole loop before the next one starts, reads contiguous memory, and\n// fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use, with lib/turns.wgsl: `var i = run_begin(…);\n// for (var left = turns(i, run_end(i, size), 8u); left > 0u; left--) { …; i += 8u; }`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'items', type: 'u32', offset: 0 },
    { name: 'x_offset', type: 'u32', offset: 4 },
    { name: 'a_offset', type: 'u32', offset: 8 },
    { name: 'y_offset', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'a', type: 'read-only-storage', element: 'T' },
    { binding: 3, name: 'y', type: 'storage', element: 'T' },
  ],
  tunables: [
    { name: 'T', value: 'vec4<f32>', allowed: ['f32', 'vec4<f32>'], line: 7 },
    { name: 'STEPS', value: '1u', allowed: ['1u', '4u', '16u', '64u'], line: 17 },
  ],
  entries: {
    add_to: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    add: { bindings: ['params', 'x', 'a', 'y'], workgroupSize: ['WG'] },
    assign: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
