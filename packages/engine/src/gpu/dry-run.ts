/**
 * @file A device that allocates and computes nothing and only does the accounting: how much memory a model, its
 * optimizer and the plan of a captured step would need, and which kernels they would use. It may share the device of a
 * real one.
 */
import type { Backing } from './backing.ts';
import { DeviceError } from './errors.ts';
import { Pipelines } from './kernel/pipeline.ts';
import type { Asked, Built, Compiled } from './kernel/pipeline.ts';
import { Memory, NO_BUFFER } from './memory/memory.ts';
import type { Block } from './memory/block.ts';
import type { CommandQueue, ReadyDispatch, RowsCall } from './stream/commands.ts';
import { boundBytes } from './stream/timing.ts';

export interface DryOptions {
  /** Called with each pipeline when it is used first. */
  readonly onPipeline?: (asked: Asked) => void;
  /** Reads give zeros, so that work which waits for results goes on. Default: they are refused. */
  readonly readsZeros?: boolean;
}

/** Nothing reaches the device; steps can still be recorded. */
class DryQueue implements CommandQueue {
  readonly counts = { dispatches: 0, submits: 0 };

  constructor(private readonly readsZeros: boolean) {}

  dispatch(): void {}
  copy(): void {}
  copyRows(): void {}
  clear(): void {}
  write(): void {}
  replay(): void {}
  mark(): void {}
  flush(): void {}
  timeInto(): void {}
  forgetBindGroups(): void {}

  ready(...[pipeline, bindings, params, [x, y, z], op]: Parameters<CommandQueue['ready']>): ReadyDispatch {
    const group = {} as GPUBindGroup;
    return { pipeline, group, immediates: null, x, y, z, op, params, bytes: boundBytes(bindings) };
  }

  readyRows(): RowsCall {
    return [{ buffer: NO_BUFFER }, { texture: {} as GPUTexture }, [0, 0]];
  }

  async read({ bytes }: { readonly bytes: number }): Promise<ArrayBuffer> {
    if (this.readsZeros) return new ArrayBuffer(bytes);
    throw new DeviceError(
      `gpu: cannot read ${bytes} bytes in a dry run, which computes nothing; open the device without dryRun.`,
    );
  }

  isPending(): boolean {
    return false;
  }

  async throwFirstError(): Promise<void> {}
}

/** Counts, and refuses nothing. */
class DryMemory extends Memory {
  protected override create(): Pick<Block, 'buffer' | 'texture'> {
    return { buffer: NO_BUFFER, texture: null };
  }

  protected override drop(): void {}
  protected override requireBindable(): void {}
  protected override requireRoom(): void {}
  override requireStep(): void {}
}

/** Compiles nothing: only the bindings of a pipeline are needed. */
class DryPipelines extends Pipelines {
  constructor(
    device: GPUDevice,
    immediates: boolean,
    private readonly onPipeline: (asked: Asked) => void,
  ) {
    super(device, immediates);
  }

  protected override build(asked: Asked): Built {
    this.onPipeline(asked);
    return { ...NOTHING, check: null };
  }

  protected override async buildAhead(): Promise<Compiled> {
    return NOTHING;
  }
}

const NOTHING: Compiled = { handle: {} as GPUComputePipeline, layout: {} as GPUBindGroupLayout };

/** Stands in for `device`, of which it uses only the limits. */
export const dryBacking = (
  device: GPUDevice,
  immediates: boolean,
  { onPipeline = () => {}, readsZeros = false }: DryOptions,
): Backing => ({
  isDry: true,
  queue: new DryQueue(readsZeros),
  pipelines: new DryPipelines(device, immediates, onPipeline),
  memory: (...options) => new DryMemory(device, ...options),
  onError() {},
});
