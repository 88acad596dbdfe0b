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
export type Asked = Pick<Pipeline, 'kernel' | 'entry' | 'tuning' | 'label' | 'bindings' | 'params'>;

/** What a pipeline is on the device. */
export type Compiled = Pick<Pipeline, 'handle' | 'layout'>;

/** The pipeline, and a promise of whether it compiled. */
export interface Built extends Compiled {
  readonly check: Promise<void> | null;
}

const overSubgroups = ({ tunables }: KernelSource): boolean => tunables.some(({ name }) => name === 'SG');

const keyOf = (entry: string, tuning?: Tuning): string => (tuning ? `${entry} ${tuningKey(tuning)}` : entry);

/** The map of one kernel, made where there is none. */
function childOf<V>(maps: Map<KernelSource, Map<string, V>>, kernel: KernelSource): Map<string, V> {
  let map = maps.get(kernel);
  if (!map) maps.set(kernel, (map = new Map()));
  return map;
}

const UNIFORM_LINE = /var<uniform>\s+params\s*:/;

export class Pipelines {
  private readonly cache = new Map<KernelSource, Map<string, Pipeline>>();
  /** Compilations not awaited yet. */
  private readonly checks = new Map<Pipeline, Promise<void>>();
  /** Those that `prepare` waits for. */
  private readonly ahead = new Map<KernelSource, Map<string, Promise<void>>>();
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
    const key = keyOf(entry, tuning);
    const known = this.cache.get(kernel)?.get(key);
    if (known) return known;
    const { asked, text } = this.specify(kernel, entry, tuning);
    const { check, ...compiled } = this.build(asked, text);
    const pipeline = this.keep(key, asked, compiled);
    if (check) this.checks.set(pipeline, check);
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
   * Compiles ahead of time, beside other work: drivers that can do it use threads of their own. Throws the compile
   * error and forgets the pipeline, so that a corrected text may use the same name.
   */
  prepare(kernel: KernelSource, entry: string, tuning?: Tuning): Promise<void> {
    const key = keyOf(entry, tuning);
    const known = this.cache.get(kernel)?.get(key);
    if (known) return this.awaitCheck(known);
    const started = childOf(this.ahead, kernel);
    let compiling = started.get(key);
    if (!compiling) {
      compiling = this.compileAhead(key, kernel, entry, tuning).finally(() => started.delete(key));
      started.set(key, compiling);
    }
    return compiling;
  }

  private async compileAhead(key: string, kernel: KernelSource, entry: string, tuning?: Tuning): Promise<void> {
    const { asked, text } = this.specify(kernel, entry, tuning);
    const compiled = await this.buildAhead(asked, text);
    // Work that could not wait may have compiled it meanwhile, and bind groups have that one's layout.
    if (!this.cache.get(kernel)?.has(key)) this.keep(key, asked, compiled);
  }

  private async awaitCheck(pipeline: Pipeline): Promise<void> {
    const check = this.checks.get(pipeline);
    this.checks.delete(pipeline);
    try {
      await check;
    } catch (error) {
      this.cache.delete(pipeline.kernel);
      throw error;
    }
  }

  private specify(kernel: KernelSource, entry: string, tuning?: Tuning): { asked: Asked; text: string } {
    const used = kernel.entries[entry];
    if (!used)
      throw new KernelError(`${kernel.file}: has no entry ${entry}; it has ${Object.keys(kernel.entries).join(', ')}.`);
    const label = `${kernel.name}:${entry}${tuning && Object.keys(tuning).length ? ` (${tuningKey(tuning)})` : ''}`;
    const params = !used.bindings.includes('params') ? 'none' : this.immediates ? 'immediate' : 'uniform';
    let text = specialise(kernel, tuning);
    if (params === 'immediate')
      text = text.replace(/@group\(0\)\s*@binding\(\d+\)\s*var<uniform>\s+params\s*:/, 'var<immediate> params:');
    else if (params === 'uniform' && !UNIFORM_LINE.test(text))
      throw new KernelError(`${kernel.file}: params must be declared as var<uniform> params: Params.`);
    const bindings = kernel.bindings
      .filter((b) => b.name !== 'params' && used.bindings.includes(b.name))
      .map((b) => ({
        binding: b.binding,
        name: b.name,
        writes: b.type === 'storage',
        isTexture: b.type === 'read-only-texture',
      }));
    return { asked: { kernel, entry, tuning, label, bindings, params }, text };
  }

  private keep(key: string, asked: Asked, compiled: Compiled): Pipeline {
    const pipeline: Pipeline = { id: this.count++, ...asked, ...compiled, op: null };
    childOf(this.cache, asked.kernel).set(key, pipeline);
    return pipeline;
  }

  /** Has the device compile `text` before what is recorded next runs. */
  protected build(asked: Asked, text: string): Built {
    this.device.pushErrorScope('validation');
    const { module, descriptor, layout } = this.describe(asked, text);
    const handle = this.device.createComputePipeline(descriptor);
    const check = report(asked, module, this.device.popErrorScope());
    check.catch(() => {}); // thrown by throwFirstError(); an unobserved rejection must not end the process
    return { handle, layout, check };
  }

  /** Has the device compile `text` beside other work. */
  protected async buildAhead(asked: Asked, text: string): Promise<Compiled> {
    this.device.pushErrorScope('validation');
    const { module, descriptor, layout } = this.describe(asked, text);
    const failed = this.device.popErrorScope();
    const compiling = this.device.createComputePipelineAsync(descriptor);
    // A browser hands on what was asked at a submit, or else when this thread has a pause.
    this.device.queue.submit([]);
    const refusal = compiling.then(
      () => failed,
      async (error: GPUPipelineError) => (await failed) ?? error,
    );
    await report(asked, module, refusal);
    return { handle: await compiling, layout };
  }

  private describe(
    { kernel, entry, label, bindings, params }: Asked,
    text: string,
  ): { module: GPUShaderModule; layout: GPUBindGroupLayout; descriptor: GPUComputePipelineDescriptor } {
    const pins = this.device.features.has(SUBGROUP_SIZE_CONTROL as GPUFeatureName) && overSubgroups(kernel);
    const code = pins ? pinSubgroups(text) : text;
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
    const pipelineLayout = this.device.createPipelineLayout({
      bindGroupLayouts: [layout],
      immediateSize,
    } as GPUPipelineLayoutDescriptor);
    return { module, layout, descriptor: { label, layout: pipelineLayout, compute: { module, entryPoint: entry } } };
  }
}

/** Throws what the device said about a pipeline, if anything. */
async function report(
  { kernel, label }: Asked,
  module: GPUShaderModule,
  said: Promise<Pick<Error, 'message'> | null>,
): Promise<void> {
  const error = await said;
  if (!error) return;
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((m) => m.type === 'error');
  const tuning = label.includes('(') ? `   ${label.slice(label.indexOf('('))}` : '';
  if (first) throw new KernelError(`${kernel.file}:${first.lineNum}:${first.linePos} ${first.message}${tuning}`);
  throw new KernelError(`${label}: ${error.message}`);
}
