/** @file Records dispatches and copies, submits them in batches, reads results back. */
import type { Storage } from '../memory/arena.ts';
import { DeviceError, KernelError } from '../errors.ts';
import type { Block } from '../memory/memory.ts';
import { noteWrite } from '../memory/saved-part.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import { boundBytes } from './timing.ts';
import type { Timing } from './timing.ts';

/** A part of a block, in bytes; the offset is a multiple of 256. */
export interface Binding {
  readonly block: Block;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Rows of a buffer, so many texels of each, and where they go in a texture. `pitch` is texels from row to row, a
 * multiple of 16, which WebGPU asks for.
 */
export interface TextureRows {
  readonly pitch: number;
  readonly texels: number;
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

export type Grid = readonly [x: number, y: number, z: number];

/** Takes down commands instead of encoding them, while a step is recorded. */
export interface Recorder {
  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void;
  copy(from: Binding, to: Binding, bytes: number): void;
  clear(to: Binding, bytes: number): void;
  write(to: Block, offset: number, data: ArrayBufferView): void;
  /** Throws: nothing can be read inside. */
  refuseRead(from: Binding): never;
  allocate(bytes: number, texels: number): Storage;
  /** Whether a command so far changes a block that was made outside. */
  changes(block: Block): boolean;
  copyRows(from: Binding, to: Block, rows: TextureRows): void;
}

/** A dispatch that needs nothing but to be encoded. */
export interface ReadyDispatch {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  /** Null where params are none or a uniform buffer in the group. */
  readonly immediates: ArrayBuffer | null;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** What a profile says of it. */
  readonly op: string | null;
  readonly params: ArrayBuffer | null;
  readonly bytes: number;
}

/** What a copy of rows to a texture is called with; made once, since that takes a fifth of the call's time. */
type RowsCall = readonly [
  from: GPUTexelCopyBufferInfo,
  to: GPUTexelCopyTextureInfo,
  size: readonly [width: number, height: number],
];

/** A part of a replay: dispatches of one pass, or a command between passes. */
export type ReadyPart =
  | { readonly kind: 'pass'; readonly dispatches: readonly ReadyDispatch[] }
  | { readonly kind: 'copy'; readonly from: Binding; readonly to: Binding; readonly bytes: number }
  | { readonly kind: 'copyRows'; readonly call: RowsCall }
  | { readonly kind: 'clear'; readonly to: Binding; readonly bytes: number };

/** Immediates are newer than the type declarations of WebGPU. */
type Pass = GPUComputePassEncoder & { setImmediates(offset: number, data: ArrayBuffer): void };

/** Dispatches recorded before a batch is submitted by itself, so that the device starts while the rest is recorded. */
const BATCH = 96;
/** Bind groups kept, and buffers of params where there are no immediates; a training step needs a few thousand. */
const MAX_BIND_GROUPS = 16384;

/** The calls that led here, without this one. */
export const stackHere = (): string =>
  (new Error().stack ?? '')
    .split('\n')
    .filter((line) => !/^Error|stackHere/.test(line))
    .join('\n');

export class Stream {
  private encoder: GPUCommandEncoder | null = null;
  private pass: Pass | null = null;
  private current: Pipeline | null = null;
  private recorded = 0;
  private serial = 0;
  private readonly bindGroups = new Map<string, GPUBindGroup>();
  private readonly uniforms = new Map<string, { id: number; buffer: GPUBuffer }>();
  private uniformsMade = 0;
  private readonly staging = new Map<number, GPUBuffer[]>();
  /** Validation of the batches that nobody has waited for. */
  private readonly checks = new Set<Promise<void>>();
  /** Pipelines of the batch being recorded, and the stacks that recorded them (when debugging). */
  private used = new Set<Pipeline>();
  private stacks: { label: string; stack: string }[] = [];
  private submitting: Promise<void> | null = null;
  /** Set while a step is recorded: commands go there. */
  recorder: Recorder | null = null;
  /** Set while a profile is taken: each dispatch has a pass of its own. */
  timing: Timing | null = null;
  /** Dispatches and submits since the start. */
  readonly counts = { dispatches: 0, submits: 0 };

  /** @param dry nothing reaches the device; steps can still be recorded */
  constructor(
    private readonly device: GPUDevice,
    readonly debug: boolean,
    private readonly dry = false,
  ) {}

  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void {
    const [x, y, z] = grid;
    if (x === 0 || y === 0 || z === 0) return;
    if (this.recorder) return this.recorder.dispatch(pipeline, bindings, params, grid);
    if (this.dry) return;
    const uniform = pipeline.params === 'uniform' ? this.uniform(params!) : null;
    const group = this.bindGroup(pipeline, bindings, uniform);
    const pass = this.timing
      ? this.timedPass(this.timing.next(pipeline.op, pipeline, boundBytes(bindings), params, grid))
      : this.beginPass();
    if (this.current !== pipeline) {
      pass.setPipeline(pipeline.handle);
      this.current = pipeline;
      this.used.add(pipeline);
    }
    pass.setBindGroup(0, group);
    if (pipeline.params === 'immediate') pass.setImmediates(0, params!);
    pass.dispatchWorkgroups(x, y, z);
    for (const { block } of bindings) block.lastUse = this.serial;
    if (this.debug) this.stacks.push({ label: pipeline.label, stack: stackHere() });
    this.counts.dispatches++;
    if (++this.recorded >= BATCH) this.flush();
  }

  /** Encodes a recorded list, in one batch with what comes before and after it. `blocks` are all that it uses. */
  replay(
    parts: readonly ReadyPart[],
    blocks: readonly Block[],
    stacks: readonly { label: string; stack: string }[],
  ): void {
    if (this.dry) return;
    for (const part of parts) {
      if (part.kind === 'pass') this.replayPass(part.dispatches);
      else if (part.kind === 'copy') this.copy(part.from, part.to, part.bytes);
      else if (part.kind === 'copyRows') this.endPass().copyBufferToTexture(...part.call);
      else this.clear(part.to, part.bytes);
    }
    for (const block of blocks) block.lastUse = this.serial;
    for (const stack of stacks) this.stacks.push(stack);
  }

  private replayPass(dispatches: readonly ReadyDispatch[]): void {
    if (this.timing) return this.replayTimed(this.timing, dispatches);
    const pass = this.beginPass();
    let { current } = this;
    for (const { pipeline, group, immediates, x, y, z } of dispatches) {
      if (current !== pipeline) {
        pass.setPipeline((current = pipeline).handle);
        this.used.add(pipeline);
      }
      pass.setBindGroup(0, group);
      if (immediates) pass.setImmediates(0, immediates);
      pass.dispatchWorkgroups(x, y, z);
    }
    this.current = current;
    this.recorded += dispatches.length;
    this.counts.dispatches += dispatches.length;
  }

  private replayTimed(timing: Timing, dispatches: readonly ReadyDispatch[]): void {
    for (const { pipeline, group, immediates, x, y, z, op, params, bytes } of dispatches) {
      const pass = this.timedPass(timing.next(op, pipeline, bytes, params, [x, y, z]));
      pass.setPipeline(pipeline.handle);
      this.used.add(pipeline);
      pass.setBindGroup(0, group);
      if (immediates) pass.setImmediates(0, immediates);
      pass.dispatchWorkgroups(x, y, z);
    }
    this.recorded += dispatches.length;
    this.counts.dispatches += dispatches.length;
  }

  /** `op` is who asks, here and below, for messages. */
  copy(from: Binding, to: Binding, bytes: number, op = 'copy'): void {
    if (this.recorder) this.recorder.copy(from, to, bytes);
    else if (!this.dry) {
      this.endPass().copyBufferToBuffer(from.block.buffer, from.offset, to.block.buffer, to.offset, bytes);
      from.block.lastUse = to.block.lastUse = this.serial;
    }
    to.block.mirrors?.follow();
    noteWrite(to.block, to.offset, bytes, op);
  }

  copyRows(from: Binding, to: Block, rows: TextureRows): void {
    if (this.recorder) return this.recorder.copyRows(from, to, rows);
    if (this.dry) return;
    this.endPass().copyBufferToTexture(...this.readyRows(from, to, rows));
    from.block.lastUse = to.lastUse = this.serial;
  }

  clear(to: Binding, bytes: number, op = 'clear'): void {
    if (this.recorder) this.recorder.clear(to, bytes);
    else if (!this.dry) {
      this.endPass().clearBuffer(to.block.buffer, to.offset, bytes);
      to.block.lastUse = this.serial;
    }
    to.block.mirrors?.follow();
    noteWrite(to.block, to.offset, bytes, op);
  }

  /**
   * Writes from the host. Commands recorded earlier that use the block are submitted first, so they still see the old
   * content.
   */
  write(to: Block, offset: number, data: ArrayBufferView, op = 'write'): void {
    if (this.recorder) return this.recorder.write(to, offset, data);
    noteWrite(to, offset, data.byteLength, op);
    if (this.dry) return;
    if (this.isPending(to)) this.flush();
    this.device.queue.writeBuffer(to.buffer, offset, data.buffer, data.byteOffset, data.byteLength);
    to.mirrors?.follow();
  }

  /** Whether commands that are not submitted yet use `block`. */
  isPending(block: Block): boolean {
    return block.lastUse === this.serial;
  }

  /** Has the device's clock written down when all that was recorded before is done. */
  mark(querySet: GPUQuerySet, index: number): void {
    this.endPass()
      .beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: index } })
      .end();
  }

  /** Submits what is recorded. */
  flush(): void {
    if (!this.encoder) return;
    this.endPass();
    const commands = this.encoder.finish();
    this.device.queue.submit([commands]);
    this.encoder = null;
    this.recorded = 0;
    this.serial++;
    this.counts.submits++;
    const { used, stacks } = this;
    this.used = new Set();
    this.stacks = [];
    const check = this.device.popErrorScope().then((error) => {
      if (!error) return;
      const from = [...used].find(({ label }) => error.message.includes(`"${label}"`));
      const at = from && stacks.find(({ label }) => label === from.label);
      throw new KernelError(
        `${from?.op ?? 'gpu'}: WebGPU refused ${from ? from.label : 'the commands'}: ${error.message}${at ? `\nrecorded at\n${at.stack}` : ''}`,
      );
    });
    check.catch(() => {}); // thrown by settle()
    this.checks.add(check);
  }

  /** Throws the first validation error of the batches submitted so far. */
  async settle(): Promise<void> {
    await this.submitting;
    const checks = [...this.checks];
    await Promise.all(checks); // who waits at the same time waits for the same
    for (const check of checks) this.checks.delete(check);
  }

  /** Records a copy to the host now; the promise gives the bytes. Reads asked for together are submitted together. */
  read(from: Binding): Promise<ArrayBuffer> {
    if (this.recorder) this.recorder.refuseRead(from);
    if (this.dry)
      throw new DeviceError(
        `gpu: ${from.bytes} bytes were to be read in a dry run, which computes nothing; open the device without dryRun.`,
      );
    const size = Math.ceil(from.bytes / 4) * 4;
    const key = 2 ** Math.ceil(Math.log2(Math.max(size, 256)));
    const staging =
      this.staging.get(key)?.pop() ??
      this.device.createBuffer({
        size: key,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        label: `staging ${key}`,
      });
    this.endPass().copyBufferToBuffer(from.block.buffer, from.offset, staging, 0, size);
    from.block.lastUse = this.serial;
    this.submitting ??= Promise.resolve().then(() => {
      this.submitting = null;
      this.flush();
    });
    return this.finishRead(staging, key, from.bytes, this.submitting);
  }

  /** A dispatch made ready for `replay`; its bind group belongs to whoever asked. */
  ready(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    params: ArrayBuffer | null,
    [x, y, z]: Grid,
    op: string | null,
  ): ReadyDispatch {
    const rest = { x, y, z, op, params, bytes: boundBytes(bindings) };
    if (this.dry) return { pipeline, group: {} as GPUBindGroup, immediates: null, ...rest };
    const uniform = pipeline.params === 'uniform' ? this.uniform(params!) : null;
    return {
      pipeline,
      group: this.makeBindGroup(pipeline, bindings, uniform),
      immediates: pipeline.params === 'immediate' ? params : null,
      ...rest,
    };
  }

  /** A copy of rows made ready for `replay`. */
  readyRows({ block, offset }: Binding, to: Block, { pitch, texels, count, x, y }: TextureRows): RowsCall {
    return [
      { buffer: block.buffer, offset, bytesPerRow: 16 * pitch },
      { texture: to.texture!, origin: [x, y] },
      [texels, count],
    ];
  }

  /**
   * Forgets all bind groups, since some may name destroyed buffers; looking through them took longer than making them
   * anew.
   */
  forgetBindGroups(): void {
    this.bindGroups.clear();
  }

  private async finishRead(
    staging: GPUBuffer,
    key: number,
    bytes: number,
    submitted: Promise<void>,
  ): Promise<ArrayBuffer> {
    await submitted;
    await staging.mapAsync(GPUMapMode.READ, 0, Math.ceil(bytes / 4) * 4);
    const data = staging.getMappedRange(0, Math.ceil(bytes / 4) * 4).slice(0, bytes);
    staging.unmap();
    const list = this.staging.get(key);
    if (list) list.push(staging);
    else this.staging.set(key, [staging]);
    return data;
  }

  private beginPass(): Pass {
    if (this.pass) return this.pass;
    return (this.pass = this.begin().beginComputePass() as Pass);
  }

  private timedPass(timestampWrites: GPUComputePassTimestampWrites): Pass {
    return (this.pass = this.endPass().beginComputePass({ timestampWrites }) as Pass);
  }

  private begin(): GPUCommandEncoder {
    if (!this.encoder) {
      this.device.pushErrorScope('validation');
      this.encoder = this.device.createCommandEncoder({ label: `batch ${this.serial}` });
    }
    return this.encoder;
  }

  private endPass(): GPUCommandEncoder {
    const encoder = this.begin();
    this.pass?.end();
    this.pass = null;
    this.current = null;
    return encoder;
  }

  private uniform(params: ArrayBuffer): { id: number; buffer: GPUBuffer } {
    const key = String.fromCharCode(...new Uint16Array(params));
    let entry = this.uniforms.get(key);
    if (!entry) {
      if (this.uniforms.size >= MAX_BIND_GROUPS) {
        // decoding asks for new ones at every token; those that a plan uses live on in its bind groups
        this.uniforms.clear();
        this.bindGroups.clear();
      }
      const buffer = this.device.createBuffer({
        size: params.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        label: 'params',
      });
      this.device.queue.writeBuffer(buffer, 0, params);
      entry = { id: this.uniformsMade++, buffer };
      this.uniforms.set(key, entry);
    }
    return entry;
  }

  private bindGroup(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    uniform: { id: number; buffer: GPUBuffer } | null,
  ): GPUBindGroup {
    let key = `${pipeline.id}/${uniform ? uniform.id : ''}`;
    for (const { block, offset, bytes } of bindings) key += `,${block.id}:${offset}:${bytes}`;
    const cached = this.bindGroups.get(key);
    if (cached) return cached;
    if (this.bindGroups.size >= MAX_BIND_GROUPS) this.bindGroups.clear();
    const group = this.makeBindGroup(pipeline, bindings, uniform);
    this.bindGroups.set(key, group);
    return group;
  }

  private makeBindGroup(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    uniform: { buffer: GPUBuffer } | null,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = bindings.map(({ block, offset, bytes }, i) => ({
      binding: pipeline.bindings[i]!.binding,
      resource: block.texture ? block.texture.createView() : { buffer: block.buffer, offset, size: bytes },
    }));
    if (uniform)
      entries.push({
        binding: pipeline.kernel.bindings.find((b) => b.name === 'params')!.binding,
        resource: { buffer: uniform.buffer },
      });
    return this.device.createBindGroup({ label: pipeline.label, layout: pipeline.layout, entries });
  }
}
