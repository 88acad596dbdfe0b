/**
 * @file One forward and backward of the small model with every op's numbers as fingerprints, so that two places can be
 * compared bit for bit. Everything is made of uniform numbers from one seed: the host's own log and cos may differ
 * between runtimes.
 */
import { backward, openGpu, RandomStream, tensor } from '@curio/engine';
import { watchOps } from '@curio/engine/check';
import { IMAGE_TOKEN, imageTokens, makeBatch, PRESETS, SqLlava } from '@curio/model';
import { Weights } from '@curio/nn';
import { fingerprint } from './bits.ts';

export interface OpCall {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

export interface Trace {
  readonly adapter: string;
  readonly loss: number;
  readonly calls: readonly OpCall[];
  /** Fingerprint of the gradient of each parameter that has one. */
  readonly gradients: Readonly<Record<string, string>>;
  /** Outputs of the calls that were asked for. */
  readonly values: Readonly<Record<number, readonly number[]>>;
}

/** @param wanted numbers of the calls whose outputs are to be given in full */
export async function traceSmallModel(wanted: readonly number[] = []): Promise<Trace> {
  const gpu = await openGpu({ seed: 1 });
  const random = new RandomStream(1);
  const { model: config } = PRESETS.small;
  const model = new SqLlava(new Weights(gpu), config);
  for (const parameter of model.parameters) {
    const width = parameter.shape.at(-1) ?? 1;
    const isScale = parameter.shape.length === 1;
    parameter.write(
      Float32Array.from(
        { length: parameter.size },
        () => (isScale ? 1 : 0) + random.uniform(-1, 1) / Math.sqrt(isScale ? 16 : width),
      ),
    );
    parameter.requiresGrad = true;
  }
  const word = () => random.integer(config.language.vocabSize);
  const samples = [20, 31].map((length) => {
    const ids = [1, IMAGE_TOKEN, ...Array.from({ length }, word)];
    return { ids, labels: ids.map((id, i) => (i < 8 ? -100 : id)) };
  });
  const batch = makeBatch(samples, { patches: imageTokens(config.vision) });
  const { imageSize } = config.vision;
  const pixels = Float32Array.from({ length: samples.length * 3 * imageSize ** 2 }, () => random.uniform(-2, 2));

  const calls: { op: string; inputs: Promise<string>[]; output: Promise<string> }[] = [];
  const values: Record<number, Promise<readonly number[]>> = {};
  const gradients: Record<string, Promise<string>> = {};
  let loss: Promise<number> | undefined;
  gpu.scope(() => {
    watchOps(
      (op, inputs, y) => {
        if (wanted.includes(calls.length)) values[calls.length] = y.read().then((data) => Array.from(data));
        calls.push({
          op,
          inputs: inputs.flatMap((x) => (x ? [x.read().then(fingerprint)] : [])),
          output: y.read().then(fingerprint),
        });
      },
      () => {
        const value = model.loss(batch, tensor(gpu, pixels, [samples.length, 3, imageSize, imageSize]));
        loss = value.item();
        watchOps(
          () => {},
          () => backward(value),
        ); // gradients are compared as a whole, by parameter
      },
    );
    for (const parameter of model.parameters)
      if (parameter.grad) gradients[parameter.name] = parameter.grad.read().then(fingerprint);
  });
  const resolved = async <T>(record: Record<string, Promise<T>>): Promise<Record<string, T>> =>
    Object.fromEntries(
      await Promise.all(Object.entries(record).map(async ([key, value]) => [key, await value] as const)),
    );
  const trace: Trace = {
    adapter: [
      gpu.adapter.vendor,
      gpu.adapter.architecture,
      gpu.adapter.description,
      `subgroups ${gpu.adapter.subgroupSize?.min ?? 'none'}`,
    ]
      .filter(Boolean)
      .join(' '),
    loss: await loss!,
    calls: await Promise.all(
      calls.map(async ({ op, inputs, output }) => ({ op, inputs: await Promise.all(inputs), output: await output })),
    ),
    gradients: await resolved(gradients),
    values: await resolved(values),
  };
  gpu.close();
  return trace;
}
