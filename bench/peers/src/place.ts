/**
 * @file Polyfills of browser features that the peers need in Node: a navigator, iterator helpers before Node 22, and a
 * `writeBuffer` that takes views of shared memory. Dawn's instance is the one that our engine opened, so that peers get
 * the same adapter and throttled polling.
 */

/** Call it after `openGpu`. */
export function preparePlace(): void {
  const [gpu] =
    (globalThis as { [key: symbol]: Map<string, GPU> | undefined })[Symbol.for('curio.dawn.instances')]?.values() ?? [];
  if (!gpu) throw new Error('peers: no device was opened before them; call openGpu first.');
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node', hardwareConcurrency: 1, language: 'en' },
    configurable: true,
  });
  const write = GPUQueue.prototype.writeBuffer;
  GPUQueue.prototype.writeBuffer = function (
    this: GPUQueue,
    buffer: GPUBuffer,
    offset: number,
    data: ArrayBufferView | ArrayBuffer,
    start?: number,
    size?: number,
  ) {
    const shared = ArrayBuffer.isView(data) && !(data.buffer instanceof ArrayBuffer);
    return write.call(this, buffer, offset, (shared ? (data as Uint8Array).slice() : data) as ArrayBuffer, start, size);
  } as typeof write;
  const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as Record<string, unknown>;
  for (const name of ['map', 'filter', 'flatMap', 'reduce', 'forEach', 'some', 'every', 'find'] as const) {
    iterators[name] ??= function (this: Iterable<unknown>, ...args: unknown[]) {
      return ([...this][name] as (...rest: unknown[]) => unknown)(...args);
    };
  }
  iterators.toArray ??= function (this: Iterable<unknown>) {
    return [...this];
  };
}
