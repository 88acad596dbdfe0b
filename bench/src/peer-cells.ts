/** @file Cells of other libraries, where there are any: `npm run bench:peers`. */
import type { Job, Peer } from '../peers/src/peer.ts';
import type { Cell } from './cell.ts';

type Asked = 'matmul' | 'softmax' | 'layerNorm' | 'attention' | 'attentionGradients' | 'step';
type Inputs<K extends Asked> = Parameters<NonNullable<Peer[K]>>;

/** A cell for each peer that can do it. `wrong` judges what it gives. */
export const peerCells = <K extends Asked>(peers: readonly Peer[], what: K, inputs: Inputs<K>, wrong: (job: Job) => Promise<string | null>): Cell[] =>
  peers.filter((peer) => peer[what]).map((peer) => ({ library: peer.name, variant: peer.version, async open() {
    const job = await (peer[what] as (...args: Inputs<K>) => Job | Promise<Job>)(...inputs);
    return {
      check: () => wrong(job),
      async time(count) {
        const began = performance.now();
        for (let i = 0; i < count; i++) await job.run();
        await job.wait();
        return performance.now() - began;
      },
      close: () => job.close(),
    };
  } }));
