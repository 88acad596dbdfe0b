/** @file onnxruntime-web on WebGPU: models of one node, inputs and outputs on the device. It does not train. */
import { onnxModel } from './onnx-model.ts';
import type { OneNode } from './onnx-model.ts';
import type { Job, Peer, Values } from './peer.ts';

/** The part of its API that is used. */
interface T {
  dispose(): void;
  getData(): Promise<Float32Array>;
}
interface Ort {
  env: {
    wasm: { numThreads: number };
    logLevel: string;
    webgpu: { device: GPUDevice | Promise<GPUDevice> };
    versions: { web?: string };
  };
  Tensor: { fromGpuBuffer(buffer: GPUBuffer, options: { dataType: 'float32'; dims: readonly number[] }): T };
  InferenceSession: {
    create(
      model: Uint8Array,
      options: { executionProviders: string[]; preferredOutputLocation: string },
    ): Promise<{ run(feeds: Record<string, T>): Promise<{ y: T }>; release(): Promise<void> }>;
  };
}

export async function openOnnxRuntime(): Promise<Peer> {
  const name: string = 'onnxruntime-web/webgpu';
  const { env, Tensor, InferenceSession } = (await import(name)) as Ort;
  env.wasm.numThreads = 1;
  env.logLevel = 'error';

  async function job(node: Omit<OneNode, 'inputs'>, inputs: Readonly<Record<string, Values>>): Promise<Job> {
    const model = onnxModel({
      ...node,
      inputs: Object.entries(inputs).map(([input, { shape }]) => ({ name: input, shape })),
    });
    const session = await InferenceSession.create(model, {
      executionProviders: ['webgpu'],
      preferredOutputLocation: 'gpu-buffer',
    });
    const device = await env.webgpu.device;
    const buffers: GPUBuffer[] = [];
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([input, { shape, values }]) => {
        const buffer = device.createBuffer({
          size: Math.ceil(values.byteLength / 16) * 16,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
        });
        device.queue.writeBuffer(buffer, 0, values);
        buffers.push(buffer);
        return [input, Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: shape })];
      }),
    );
    return {
      async run() {
        (await session.run(feeds)).y.dispose();
      },
      wait: () => device.queue.onSubmittedWorkDone().then(() => {}),
      async read() {
        const { y } = await session.run(feeds);
        const values = await y.getData();
        y.dispose();
        return [values];
      },
      close() {
        void session.release();
        buffers.forEach((buffer) => buffer.destroy());
      },
    };
  }

  return {
    name: 'onnxruntime-web',
    version: env.versions.web ?? '1.30.0',
    matmul: (a, b) => job({ op: 'MatMul', output: [a.shape[0]!, b.shape[1]!] }, { a, b }),
    softmax: (x) => job({ op: 'Softmax', output: x.shape, attributes: { axis: -1 } }, { x }),
    layerNorm: (x, weight, bias) =>
      job(
        { op: 'LayerNormalization', output: x.shape, attributes: { axis: -1, epsilon: { float: 1e-5 } } },
        { x, weight, bias },
      ),
    async attention(q, k, v) {
      // Its layout is [B, T, H · D].
      const [, H, T, D] = q.shape as [number, number, number, number];
      const packed = ({ values }: Values): Values => ({
        shape: [1, T, H * D],
        values: withHeads(values, H, T, D, true),
      });
      const inner = await job(
        { op: 'MultiHeadAttention', domain: 'com.microsoft', output: [1, T, H * D], attributes: { num_heads: H } },
        { q: packed(q), k: packed(k), v: packed(v) },
      );
      return { ...inner, read: async () => (await inner.read()).map((y) => withHeads(y, H, T, D, false)) };
    },
  };
}

/** [H, T, D] to [T, H, D], or back. */
function withHeads(
  values: ArrayLike<number>,
  H: number,
  T: number,
  D: number,
  pack: boolean,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  for (let h = 0; h < H; h++) {
    for (let t = 0; t < T; t++) {
      const [apart, together] = [(h * T + t) * D, (t * H + h) * D];
      for (let d = 0; d < D; d++) out[(pack ? together : apart) + d] = values[(pack ? apart : together) + d]!;
    }
  }
  return out;
}
