// Generated from kernels/window/adaptive_pool.wgsl by npm run codegen. Do not edit.
export const windowAdaptivePool = {
  name: 'window/adaptive_pool',
  file: 'kernels/window/adaptive_pool.wgsl',
  code: "// window/adaptive_pool: means over bins that tile an axis of any length; adjacent bins may share an element.\n//   forward   y[b, i, c] = mean x[b, start(i) … end(i), c], start(i) = ⌊i·L / N⌋, end(i) = ⌈(i + 1)·L / N⌉\n//   backward  dx[b, l, c] = Σ_{bins i around l} dy[b, i, c] / (end(i) - start(i))\n// Shapes: x, dx float[batch, from_len, cols], y, dy float[batch, to_len, cols], dense; L = from_len, N = to_len. T is\n// vec4s where cols is a multiple of 4.\n// Grid: one lane per element of what is written, ceil(… / WG) workgroups in a line. Traffic: 4 bytes per element of x\n// and of y.\n// Source: PyTorch, AdaptiveAveragePooling.cpp.\n// uses: lib/turns.wgsl\n\nstruct Params { batch: u32, from_len: u32, to_len: u32, cols: u32 }\n\nalias T = f32; // tune: f32 vec4<f32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read_write> y: array<T>;\n\nconst WG = 64u;\n\nfn bin_start(i: u32) -> u32 { return i * params.from_len / params.to_len; }\nfn bin_end(i: u32) -> u32 { return ((i + 1u) * params.from_len + params.to_len - 1u) / params.to_len; }\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.batch * params.to_len * params.cols) { return; }\n  let line = item / params.cols;\n  let b = line / params.to_len;\n  let i = line - b * params.to_len;\n  let end = bin_end(i);\n  var total = T(0.0);\n  var l = bin_start(i);\n  for (var left = turns(l, end, 1u); left > 0u; left--) {\n    total += x[(b * params.from_len + l) * params.cols + (item - line * params.cols)];\n    l++;\n  }\n  y[item] = total / f32(end - bin_start(i));\n}\n\n// Here x is dy and y is dx.\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.batch * params.from_len * params.cols) { return; }\n  let line = item / params.cols;\n  let b = line / params.from_len;\n  let l = line - b * params.from_len;\n  let last = ((l + 1u) * params.to_len + params.from_len - 1u) / params.from_len;\n  var total = T(0.0);\n  var i = l * params.to_len / params.from_len;\n  for (var left = turns(i, last, 1u); left > 0u; left--) {\n    total += x[(b * params.to_len + i) * params.cols + (item - line * params.cols)] / f32(bin_end(i) - bin_start(i));\n    i++;\n  }\n  y[item] = total;\n}\n",
  uses: ['lib/turns.wgsl'],
  lib: "// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'batch', type: 'u32', offset: 0 },
    { name: 'from_len', type: 'u32', offset: 4 },
    { name: 'to_len', type: 'u32', offset: 8 },
    { name: 'cols', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'y', type: 'storage', element: 'T' },
  ],
  tunables: [{ name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 13 }],
  entries: {
    forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
