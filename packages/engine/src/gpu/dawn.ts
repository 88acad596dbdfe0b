/** @file Where the WebGPU entry point comes from: the browser's, or Dawn through the npm package `webgpu`. */
import { DeviceError } from './errors.ts';

/**
 * The single module constant of the engine, Dawn's instances by their toggles: Node aborts when one is
 * garbage-collected while a device lives.
 */
const pinned = globalThis as { [key: symbol]: Map<string, GPU> | undefined };
const PIN = Symbol.for('curio.dawn.instances');

interface DawnModule {
  create(options: string[]): GPU;
  globals: Record<string, { prototype: Record<string, (...args: unknown[]) => unknown> }>;
}

/**
 * Timestamps at the device's full resolution, for profiles; browsers coarsen them against timing attacks, which does
 * not concern a process of its own.
 */
const DISABLED = 'disable-dawn-features=timestamp_quantization';

/**
 * Features that Dawn calls experimental and enables only on request: matrix units. On NVIDIA they need f16, which Dawn
 * disables on Vulkan, since some of its f16 conformance tests fail there. So only the kernels for matrix units may use
 * f16 arithmetic, and `enableSubgroupMatrix` tests them on the device first.
 */
const ENABLED = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia'];

/** The WebGPU entry point. @param toggles further ones of Dawn, for measuring */
export async function webgpu(toggles: readonly string[] = []): Promise<GPU> {
  const browser = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (browser && toggles.length > 0)
    throw new DeviceError(
      `gpu: dawnToggles (${toggles.join(', ')}) cannot be set in a browser; start it with --enable-dawn-features=${toggles.join(',')}.`,
    );
  if (browser) return browser;
  const instances = (pinned[PIN] ??= new Map());
  const enabled = [...ENABLED, ...toggles].join(',');
  const ready = instances.get(enabled);
  if (ready) return ready;
  const name = 'webgpu';
  let dawn: DawnModule;
  try {
    dawn = (await import(/* @vite-ignore */ name)) as DawnModule;
  } catch (cause) {
    throw new DeviceError(
      'gpu: this runtime has no navigator.gpu and the npm package webgpu is not installed; run npm install webgpu, or use a browser with WebGPU.',
      { cause },
    );
  }
  if (instances.size === 0) {
    Object.assign(globalThis, dawn.globals);
    softenPolling(dawn.globals);
  }
  const instance = dawn.create([DISABLED, `enable-dawn-features=${enabled}`]);
  instances.set(enabled, instance);
  return instance;
}

/**
 * Dawn's binding polls for finished work from `setImmediate` without a pause, which burns a core: on a software adapter
 * with two cores everything takes 1.7 times as long. It looks `setImmediate` up at every poll, so native callbacks are
 * made to sleep for an eighth of the time waited so far, at most 1 ms.
 */
function softenPolling(globals: DawnModule['globals']): void {
  let start = 0;
  const waits = [
    ['GPUQueue', 'onSubmittedWorkDone'],
    ['GPUBuffer', 'mapAsync'],
    ['GPUDevice', 'popErrorScope'],
    ['GPUDevice', 'createComputePipelineAsync'],
  ] as const;
  for (const [type, method] of waits) {
    const prototype = globals[type]?.prototype;
    const original = prototype?.[method];
    if (!prototype || !original) continue;
    prototype[method] = function (this: unknown, ...args: unknown[]) {
      start = performance.now();
      return original.apply(this, args);
    };
  }
  const real = globalThis.setImmediate;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const isNative = (fn: unknown) => /\[native code\]/.test(Function.prototype.toString.call(fn));
  const throttled = (fn: (...args: unknown[]) => void, ...args: unknown[]) => {
    if (args.length > 0 || !isNative(fn)) return real(fn, ...args);
    return real(() => {
      const waited = performance.now() - start;
      if (waited > 0.15) Atomics.wait(cell, 0, 0, Math.min(1, waited / 8));
      fn();
    });
  };
  globalThis.setImmediate = Object.assign(throttled, real) as unknown as typeof setImmediate;
}
