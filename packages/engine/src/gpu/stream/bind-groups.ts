/** @file Bind groups, and buffers of params where there are no immediates, made once and kept by what they bind. */
import type { Binding } from '../memory/block.ts';
import type { Pipeline } from '../kernel/pipeline.ts';

/** Bind groups kept, and buffers of params where there are no immediates; a training step needs a few thousand. */
const MAX_BIND_GROUPS = 16384;

interface Uniform {
  readonly id: number;
  readonly buffer: GPUBuffer;
}

export class BindGroups {
  private readonly groups = new Map<string, GPUBindGroup>();
  private readonly uniforms = new Map<string, Uniform>();
  private uniformsMade = 0;

  constructor(private readonly device: GPUDevice) {}

  /** The kept group of these bindings. */
  get(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null): GPUBindGroup {
    const uniform = this.uniformOf(pipeline, params);
    let key = `${pipeline.id}/${uniform ? uniform.id : ''}`;
    for (const { block, offset, bytes } of bindings) key += `,${block.id}:${offset}:${bytes}`;
    const cached = this.groups.get(key);
    if (cached) return cached;
    if (this.groups.size >= MAX_BIND_GROUPS) this.groups.clear();
    const group = this.make(pipeline, bindings, uniform);
    this.groups.set(key, group);
    return group;
  }

  /** A group that belongs to the caller. */
  own(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null): GPUBindGroup {
    return this.make(pipeline, bindings, this.uniformOf(pipeline, params));
  }

  forget(): void {
    this.groups.clear();
  }

  private uniformOf({ params: way }: Pipeline, params: ArrayBuffer | null): Uniform | null {
    if (way !== 'uniform') return null;
    const key = String.fromCharCode(...new Uint16Array(params!));
    let entry = this.uniforms.get(key);
    if (!entry) {
      if (this.uniforms.size >= MAX_BIND_GROUPS) {
        // decoding asks for new ones at every token; those that a plan uses live on in its bind groups
        this.uniforms.clear();
        this.groups.clear();
      }
      const buffer = this.device.createBuffer({
        size: params!.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        label: 'params',
      });
      this.device.queue.writeBuffer(buffer, 0, params!);
      entry = { id: this.uniformsMade++, buffer };
      this.uniforms.set(key, entry);
    }
    return entry;
  }

  private make(pipeline: Pipeline, bindings: readonly Binding[], uniform: Uniform | null): GPUBindGroup {
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
