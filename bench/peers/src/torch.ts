/**
 * @file PyTorch on the CPU, in a Python process: how fast the same processor is without WebGPU. torch_peer.py is the
 * other side.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CPU_LIBRARY } from '../../src/cell.ts';
import { ADAM } from '../../src/steps/step-spec.ts';
import { HEADS } from '../../src/steps/gpt-block.ts';
import type { Job, Peer, Values } from './peer.ts';

/** Pause before the next cell, long enough for OpenMP's threads to go to sleep. */
const SETTLE_MS = 40;

type Answer = {
  readonly error?: string;
  readonly version?: string;
  readonly ms?: number;
  readonly sizes?: readonly number[];
};

/** The process, which handles one request at a time. */
class Torch {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly chunks: AsyncIterator<Buffer>;
  private held: Buffer = Buffer.alloc(0);
  private turn: Promise<unknown> = Promise.resolve();
  private opened = 0;

  constructor(
    readonly python: string,
    readonly threads: number,
  ) {
    this.child = spawn(python, [fileURLToPath(new URL('./torch_peer.py', import.meta.url)), String(threads)], {
      stdio: 'pipe',
    });
    this.child.on('error', () => {}); // without Python, the output ends at once
    this.child.stdin.on('error', () => {});
    this.child.stderr.resume();
    this.chunks = (this.child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** The version, which it sends first; null if it exits without output. */
  async version(): Promise<string | null> {
    try {
      return (await this.line()).version ?? null;
    } catch {
      return null;
    }
  }

  /** Sends a request with its inputs; returns the answer and the arrays that follow it. */
  ask(request: object, inputs: readonly Values[] = []): Promise<{ answer: Answer; arrays: Float32Array[] }> {
    const mine = this.turn.then(async () => {
      this.child.stdin.write(`${JSON.stringify(request)}\n`);
      for (const { values } of inputs)
        this.child.stdin.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      const answer = await this.line();
      if (answer.error) throw new Error(`PyTorch says: ${answer.error}`);
      const arrays: Float32Array[] = [];
      for (const size of answer.sizes ?? []) {
        const { buffer, byteOffset } = await this.bytes(4 * size);
        arrays.push(new Float32Array(buffer, byteOffset, size));
      }
      return { answer, arrays };
    });
    this.turn = mine.catch(() => {});
    return mine;
  }

  async open(request: object, inputs: readonly Values[]): Promise<Job> {
    const id = this.opened++;
    await this.ask({ do: 'open', id, shapes: inputs.map(({ shape }) => shape), ...request }, inputs);
    const time = async (count: number): Promise<number> => {
      const { answer } = await this.ask({ do: 'time', id, count });
      await new Promise((wake) => setTimeout(wake, SETTLE_MS));
      return answer.ms!;
    };
    return {
      time,
      run: async () => void (await time(1)),
      wait: async () => {},
      read: async () => (await this.ask({ do: 'read', id })).arrays,
      close: () => void this.ask({ do: 'close', id }).catch(() => {}),
    };
  }

  close(): void {
    this.child.kill();
  }

  private async next(): Promise<Buffer> {
    const { done, value } = await this.chunks.next();
    if (done)
      throw new Error(
        `the PyTorch process ended; ${this.python} bench/peers/src/torch_peer.py ${this.threads} by hand says why`,
      );
    return value;
  }

  private async line(): Promise<Answer> {
    for (let end = this.held.indexOf(10); ; end = this.held.indexOf(10)) {
      if (end >= 0) return JSON.parse((await this.bytes(end + 1)).toString('utf8')) as Answer;
      this.held = Buffer.concat([this.held, await this.next()]);
    }
  }

  private async bytes(count: number): Promise<Buffer> {
    const out = Buffer.alloc(count);
    for (let at = 0; ; this.held = await this.next()) {
      const taken = this.held.copy(out, at);
      this.held = this.held.subarray(taken);
      at += taken;
      if (at === count) return out;
    }
  }
}

/** @throws Error if CURIO_PYTHON, else python3, does not exist or has no torch */
export async function openTorch(): Promise<Peer> {
  const python = process.env.CURIO_PYTHON ?? 'python3';
  const torch = new Torch(python, availableParallelism());
  const version = await torch.version();
  if (!version) throw new Error(`${python} does not exist or has no torch; set CURIO_PYTHON to a Python that has it.`);
  const op =
    (kind: 'forward' | 'backward' | 'both', name: string) =>
    (...inputs: Values[]): Promise<Job> =>
      torch.open({ kind, op: name }, inputs);
  return {
    name: CPU_LIBRARY,
    version: `${version}, ${torch.threads} threads`,
    close: () => torch.close(),
    matmul: op('forward', 'matmul'),
    linear: op('forward', 'linear'),
    linearGradient: op('backward', 'linear'),
    softmax: op('forward', 'softmax'),
    softmaxGradient: op('backward', 'softmax'),
    layerNorm: op('forward', 'layerNorm'),
    layerNormGradient: op('backward', 'layerNorm'),
    rmsNorm: op('forward', 'rmsNorm'),
    rmsNormGradient: op('backward', 'rmsNorm'),
    crossEntropy: op('forward', 'crossEntropy'),
    crossEntropyGradient: op('backward', 'crossEntropy'),
    attention: op('forward', 'attention'),
    attentionBackward: op('backward', 'attention'),
    attentionGradients: op('both', 'attention'),
    causalAttention: op('forward', 'causalAttention'),
    causalAttentionBackward: op('backward', 'causalAttention'),
    causalAttentionGradients: op('both', 'causalAttention'),
    adamw: (x, g, options) => torch.open({ kind: 'adamw', options }, [x, g]),
    step({ name, parameters, x, target }) {
      const names = parameters.map((each) => each.name);
      return torch.open(
        {
          kind: 'step',
          net: name,
          sizes: name === 'GPT block' ? { heads: HEADS } : {},
          names,
          trained: names,
          adam: ADAM,
        },
        [...parameters, x, target],
      );
    },
    llamaLayer: ({ parameters, trained, x, target, sizes, lr }) =>
      torch.open(
        {
          kind: 'step',
          net: 'LLaMA layer',
          sizes,
          names: parameters.map((each) => each.name),
          trained,
          adam: { ...ADAM, lr },
        },
        [...parameters, x, target],
      ),
  };
}
