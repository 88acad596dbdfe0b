/** @file Cells of other libraries, for `npm run bench:peers`. */
import type { Job, Peer } from '../peers/src/peer.ts';
import type { Cell, Session } from './cell.ts';

type Asked = Exclude<keyof Peer, 'name' | 'version' | 'close'>;
type Inputs<K extends Asked> = Parameters<NonNullable<Peer[K]>>;

/** A cell for each peer that can do it. `wrong` checks its result. */
export const peerCells = <K extends Asked>(
  peers: readonly Peer[],
  what: K,
  inputs: Inputs<K>,
  wrong: (job: Job) => Promise<string | null>,
): Cell[] =>
  peers
    .filter((peer) => peer[what])
    .map((peer) => ({
      library: peer.name,
      variant: peer.version,
      async open() {
        const job = await (peer[what] as (...args: Inputs<K>) => Job | Promise<Job>)(...inputs);
        return peerSession(job, wrong);
      },
    }));

/** A peer's job as a session to time. */
export const peerSession = (job: Job, wrong: (job: Job) => Promise<string | null>): Session => ({
  check: () => wrong(job),
  async time(count) {
    if (job.time) return job.time(count);
    const began = performance.now();
    for (let i = 0; i < count; i++) await job.run();
    await job.wait();
    return performance.now() - began;
  },
  close: () => job.close(),
});
