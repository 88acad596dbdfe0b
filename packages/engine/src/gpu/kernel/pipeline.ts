/** @file Compiles kernels once per entry and tuning, with explicit bind-group layouts. */
import { KernelError } from '../errors.ts';
import { SUBGROUP_SIZE_CONTROL } from '../adapter.ts';
import { paramBytes, pinSubgroups, specialise, tuningKey } from './kernel.ts';
import type { KernelSource, Tuning } from './kernel.ts';

export interface Pipeline {
  readonly id: number;
  readonly kernel: KernelSource;
  readonly entry: string;
  readonly tuning?: Tuning;
  /** `softmax/rows:forward (WG=64u)` */
  readonly label: string;
  readonly handle: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Buffers and textures of this entry, in the order of their numbers. */
  readonly bindings: readonly {
    readonly binding: number;
    readonly name: string;
    readonly writes: boolean;
    readonly isTexture: boolean;
  }[];
  /** How params reach it. */
  readonly params: 'none' | 'uniform' | 'immediate';
  /** The op that dispatched it last, for messages. */
  op: string | null;
}

/** What to compile. */
type Asked = Pick<Pipeline, 'kernel' | 'entry' | 'label' | 'bindings' | 'params'>;

/** The pipeline, and a promise of whether it compiled. */
export interface Built extends Pick<Pipeline, 'handle' | 'layout'> {
  readonly check: Promise<void> | null;
}

const overSubgroups = ({ tunables }: KernelSource): boolean => tunables.some(({ name }) => name === 'SG');

const UNIFORM_LINE = /var<uniform>\s+params\s*:/;

export class Pipelines {
  private readonly cache = new Map<KernelSource, Map<string, Pipeline>>();
  /** Compilations not awaited yet. */
  private readonly checks = new Map<Pipeline, Promise<void>>();
  private count = 0;

  /** @param immediates the device takes params as such, not in uniform buffers */
  constructor(
    protected readonly device: GPUDevice,
    private readonly immediates: boolean,
  ) {}

  /** Number of distinct pipelines compiled so far. */
  get size(): number {
    return this.count;
  }

  get all(): Pipeline[] {
    return [...this.cache.values()].flatMap((entries) => [...entries.values()]);
  }

  /** The labels of all pipelines. */
  get labels(): string[] {
    return this.all.map(({ label }) => label);
  }

  /** The pipeline of one kernel entry under one tuning. Compile errors surface at the next `throwFirstError()`. */
  get(kernel: KernelSource, entry: string, tuning?: Tuning): Pipeline {
    let entries = this.cache.get(kernel);
    if (!entries) this.cache.set(kernel, (entries = new Map()));
    const key = tuning ? `${entry} ${tuningKey(tuning)}` : entry;
    let pipeline = entries.get(key);
    if (!pipeline) entries.set(key, (pipeline = this.compile(kernel, entry, tuning)));
    return pipeline;
  }

  /** Throws the first compile error since the last call, as `file:line:column message`. */
  async throwFirstError(): Promise<void> {
    if (this.checks.size === 0) return;
    const checks = [...this.checks];
    await Promise.all(checks.map(([, check]) => check)); // who waits at the same time waits for the same
    for (const [pipeline] of checks) this.checks.delete(pipeline);
  }

  /**
   * Compiles ahead of time. Throws the compile error and forgets the pipeline, so that a corrected text may use the
   * same name.
   */
  async prepare(kernel: KernelSource, entry: string, tuning?: Tuning): Promise<void> {
    const pipeline = this.get(kernel, entry, tuning);
    const check = this.checks.get(pipeline);
    this.checks.delete(pipeline);
    try {
      await check;
    } catch (error) {
      this.cache.delete(kernel);
      throw error;
    }
  }

  private compile(kernel: KernelSource, entry: string, tuning?: Tuning): Pipeline {
    const used = kernel.entries[entry];
    if (!used)
      throw new KernelError(`${kernel.file}: has no entry ${entry}; it has ${Object.keys(kernel.entries).join(', ')}.`);
    const label = `${kernel.name}:${entry}${tuning && Object.keys(tuning).length ? ` (${tuningKey(tuning)})` : ''}`;
    const params = !used.bindings.includes('params') ? 'none' : this.immediates ? 'immediate' : 'uniform';
    let code = specialise(kernel, tuning);
    if (params === 'immediate')
      code = code.replace(/@group\(0\)\s*@binding\(\d+\)\s*var<uniform>\s+params\s*:/, 'var<immediate> params:');
    else if (params === 'uniform' && !UNIFORM_LINE.test(code))
      throw new KernelError(`${kernel.file}: params must be declared as var<uniform> params: Params.`);
    const bindings = kernel.bindings
      .filter((b) => b.name !== 'params' && used.bindings.includes(b.name))
      .map((b) => ({
        binding: b.binding,
        name: b.name,
        writes: b.type === 'storage',
        isTexture: b.type === 'read-only-texture',
      }));
    const built = this.build({ kernel, entry, label, bindings, params }, code);
    const pipeline: Pipeline = {
      id: this.count++,
      kernel,
      entry,
      tuning,
      label,
      handle: built.handle,
      layout: built.layout,
      bindings,
      params,
      op: null,
    };
    if (built.check) this.checks.set(pipeline, built.check);
    return pipeline;
  }

  /** Has the device compile `text`. */
  protected build({ kernel, entry, label, bindings, params }: Asked, text: string): Built {
    const pins = this.device.features.has(SUBGROUP_SIZE_CONTROL as GPUFeatureName) && overSubgroups(kernel);
    const code = pins ? pinSubgroups(text) : text;
    this.device.pushErrorScope('validation');
    const module = this.device.createShaderModule({ code, label });
    const entries: GPUBindGroupLayoutEntry[] = bindings.map(({ binding, writes, isTexture }) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      ...(isTexture
        ? { storageTexture: { access: 'read-only', format: 'rgba32float' } }
        : { buffer: { type: writes ? 'storage' : 'read-only-storage' } }),
    }));
    if (params === 'uniform')
      entries.push({
        binding: kernel.bindings.find((b) => b.name === 'params')!.binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: 'uniform' },
      });
    const layout = this.device.createBindGroupLayout({ label, entries });
    const immediateSize = params === 'immediate' ? paramBytes(kernel) : 0;
    const handle = this.device.createComputePipeline({
      label,
      layout: this.device.createPipelineLayout({
        bindGroupLayouts: [layout],
        immediateSize,
      } as GPUPipelineLayoutDescriptor),
      compute: { module, entryPoint: entry },
    });
    const failed = this.device.popErrorScope();
    const check = this.report(kernel, label, module, failed);
    check.catch(() => {}); // thrown by throwFirstError(); an unobserved rejection must not end the process
    return { handle, layout, check };
  }

  private async report(
    kernel: KernelSource,
    label: string,
    module: GPUShaderModule,
    failed: Promise<GPUError | null>,
  ): Promise<void> {
    const error = await failed;
    if (!error) return;
    const { messages } = await module.getCompilationInfo();
    const first = messages.find((m) => m.type === 'error');
    const tuning = label.includes('(') ? `   ${label.slice(label.indexOf('('))}` : '';
    if (first) throw new KernelError(`${kernel.file}:${first.lineNum}:${first.linePos} ${first.message}${tuning}`);
    throw new KernelError(`${label}: ${error.message}`);
  }
}
