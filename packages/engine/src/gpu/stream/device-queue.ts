/** @file Encodes commands for a device, submits them in batches and reads results back. */
import { KernelError } from '../errors.ts';
import type { Binding, Block } from '../memory/block.ts';
import type { Grid } from '../kernel/grid.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import { BindGroups } from './bind-groups.ts';
import { stackHere } from './commands.ts';
import type { CommandQueue, ReadyDispatch, ReadyPart, RecordedAt, RowsCall, TextureRows } from './commands.ts';
import { boundBytes } from './timing.ts';
import type { Timing } from './timing.ts';

/** Immediates are newer than the type declarations of WebGPU. */
type Pass = GPUComputePassEncoder & { setImmediates(offset: number, data: ArrayBuffer): void };

/** Dispatches recorded before a batch is submitted by itself, so that the device starts while the rest is recorded. */
const BATCH = 96;

/** Bytes of idle buffers for reads that are kept. */
const MOST_STAGING = 2 ** 26;

export class DeviceQueue implements CommandQueue {
  private encoder: GPUCommandEncoder | null = null;
  private pass: Pass | null = null;
  private current: Pipeline | null = null;
  private recorded = 0;
  private serial = 0;
  private readonly groups: BindGroups;
  /** Buffers for reads, by size, that no read uses; and their bytes. */
  private readonly staging = new Map<number, GPUBuffer[]>();
  private stagingBytes = 0;
  /** Validation of the batches not awaited yet. */
  private readonly checks = new Set<Promise<void>>();
  /** Pipelines of the batch being recorded, and the stacks that recorded them (when debugging). */
  private used = new Set<Pipeline>();
  private stacks: RecordedAt[] = [];
  private submitting: Promise<void> | null = null;
  private timing: Timing | null = null;
  readonly counts = { dispatches: 0, submits: 0 };

  /** @param debug keep the stack of each dispatch for messages */
  constructor(
    private readonly device: GPUDevice,
    private readonly debug: boolean,
  ) {
    this.groups = new BindGroups(device);
  }

  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void {
    const group = this.groups.get(pipeline, bindings, params);
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
    pass.dispatchWorkgroups(...grid);
    for (const { block } of bindings) block.lastUse = this.serial;
    if (this.debug) this.stacks.push({ label: pipeline.label, stack: stackHere() });
    this.counts.dispatches++;
    if (++this.recorded >= BATCH) this.flush();
  }

  replay(parts: readonly ReadyPart[], blocks: readonly Block[], stacks: readonly RecordedAt[]): void {
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

  copy(from: Binding, to: Binding, bytes: number): void {
    this.endPass().copyBufferToBuffer(from.block.buffer, from.offset, to.block.buffer, to.offset, bytes);
    from.block.lastUse = to.block.lastUse = this.serial;
  }

  copyRows(from: Binding, to: Block, rows: TextureRows): void {
    this.endPass().copyBufferToTexture(...this.readyRows(from, to, rows));
    from.block.lastUse = to.lastUse = this.serial;
  }

  clear(to: Binding, bytes: number): void {
    this.endPass().clearBuffer(to.block.buffer, to.offset, bytes);
    to.block.lastUse = this.serial;
  }

  write(to: Block, offset: number, data: ArrayBufferView): void {
    if (this.isPending(to)) this.flush();
    this.device.queue.writeBuffer(to.buffer, offset, data.buffer, data.byteOffset, data.byteLength);
  }

  timeInto(timing: Timing | null): void {
    this.timing = timing;
  }

  isPending(block: Block): boolean {
    return block.lastUse === this.serial;
  }

  mark(querySet: GPUQuerySet, index: number): void {
    this.endPass()
      .beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: index } })
      .end();
  }

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
    check.catch(() => {}); // thrown by throwFirstError()
    this.checks.add(check);
  }

  async throwFirstError(): Promise<void> {
    await this.submitting;
    const checks = [...this.checks];
    await Promise.all(checks); // who waits at the same time waits for the same
    for (const check of checks) this.checks.delete(check);
  }

  read(from: Binding): Promise<ArrayBuffer> {
    const size = Math.ceil(from.bytes / 4) * 4;
    const key = 2 ** Math.ceil(Math.log2(Math.max(size, 256)));
    const kept = this.staging.get(key)?.pop();
    if (kept) this.stagingBytes -= key;
    const staging =
      kept ??
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

  ready(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    params: ArrayBuffer | null,
    [x, y, z]: Grid,
    op: string | null,
  ): ReadyDispatch {
    return {
      pipeline,
      group: this.groups.own(pipeline, bindings, params),
      immediates: pipeline.params === 'immediate' ? params : null,
      x,
      y,
      z,
      op,
      params,
      bytes: boundBytes(bindings),
    };
  }

  readyRows({ block, offset }: Binding, to: Block, { pitch, texels, count, x, y }: TextureRows): RowsCall {
    return [
      { buffer: block.buffer, offset, bytesPerRow: 16 * pitch },
      { texture: to.texture!, origin: [x, y] },
      [texels, count],
    ];
  }

  forgetBindGroups(): void {
    this.groups.forget();
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
    this.keepStaging(staging, key);
    return data;
  }

  /** Keeps a buffer for the next read of its size, unless the kept ones would be too many. */
  private keepStaging(staging: GPUBuffer, key: number): void {
    if (this.stagingBytes + key > MOST_STAGING) return staging.destroy();
    this.stagingBytes += key;
    const list = this.staging.get(key);
    if (list) list.push(staging);
    else this.staging.set(key, [staging]);
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
}
