/** @file Opens the peers that are installed here. */
import { CPU_LIBRARY } from '../../src/cell.ts';
import { openJax } from './jax.ts';
import { openOnnxRuntime } from './onnxruntime.ts';
import type { Peer } from './peer.ts';
import { preparePlace } from './place.ts';
import { openTfjs } from './tfjs.ts';
import { openTorch } from './torch.ts';

/** A peer that does not open is skipped, with a message. */
export async function openPeers(say: (sentence: string) => void): Promise<Peer[]> {
  preparePlace();
  const peers: Peer[] = [];
  for (const [name, open] of [
    ['tfjs', openTfjs],
    ['jax-js', openJax],
    ['onnxruntime-web', openOnnxRuntime],
    [CPU_LIBRARY, openTorch],
  ] as const) {
    try {
      peers.push(await open());
    } catch (error) {
      say(`bench: ${name} did not open: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return peers;
}
