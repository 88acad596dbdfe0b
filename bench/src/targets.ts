/** @file Performance targets on a software adapter, as ratios within one run, and what a run reached. */
import type { Row } from './cell.ts';
import { isPeer, short } from './table.ts';

interface Target {
  readonly what: string;
  /** The target, and a further aim if there is one. */
  readonly due: number;
  readonly aim?: number;
  /** Whether less is better. */
  readonly atMost?: boolean;
  readonly unit: '% of OpenBLAS' | '% of copy' | '×';
  readonly measure: (rows: Rows) => number | null;
}

/** Rows by op, shape and variant. */
class Rows {
  constructor(private readonly rows: readonly Row[]) {}

  find(op: string, shape: string, variant = 'default'): Row | null {
    return (
      this.rows.find(
        (row) => row.op === op && row.shape === shape && row.library === 'curio' && row.variant === variant,
      ) ?? null
    );
  }

  percent(op: string, shape: string, variant?: string): number | null {
    return this.find(op, shape, variant)?.percentOfRoof ?? null;
  }

  /** Time of one row over another's. */
  ratio(above: Row | null, below: Row | null): number | null {
    return above?.bestMs && below?.bestMs ? above.bestMs / below.bestMs : null;
  }

  /** Time of the fastest other library on the device over ours. */
  againstPeers(op: string, shape: string, variant?: string): number | null {
    const peers = this.rows.flatMap((row) =>
      row.op === op && row.shape === shape && isPeer(row) && row.bestMs ? [row.bestMs] : [],
    );
    const own = this.find(op, shape, variant)?.bestMs;
    return own && peers.length > 0 ? Math.min(...peers) / own : null;
  }
}

const least = (values: readonly (number | null)[]): number | null =>
  values.some((v) => v === null) ? null : Math.min(...(values as number[]));
const most = (values: readonly (number | null)[]): number | null =>
  values.some((v) => v === null) ? null : Math.max(...(values as number[]));

const SQUARES = ['512x512x512', '1024x1024x1024', '2048x2048x2048'];
const [SOFTMAX, LOGITS, ATTENTION, LORA, PROTOTYPES, DECODE] = [
  '4096x1024',
  '512x32000',
  '8x512x64',
  '1024x1024x1024',
  '576x1024',
  '1x4096x4096',
];
const decode = (rows: Rows, storage: string): number | null =>
  rows.ratio(rows.find('decode', DECODE, storage), rows.find('decode', DECODE, 'f32'));

const TARGETS: readonly Target[] = [
  {
    what: 'matmul 512³, 1024³, 2048³, best layout, the least of them',
    due: 32,
    aim: 40,
    unit: '% of OpenBLAS',
    measure: (r) => least(SQUARES.map((s) => most(['nn', 'nt', 'tn'].map((v) => r.percent('matmul', s, v))))),
  },
  {
    what: 'matmul as called (nn), the least of them',
    due: 27,
    aim: 35,
    unit: '% of OpenBLAS',
    measure: (r) => least(SQUARES.map((s) => r.percent('matmul', s, 'nn'))),
  },
  {
    what: 'matmul 512³ and 1024³, best layout, of the best peer, the least',
    due: 6,
    aim: 8,
    unit: '×',
    measure: (r) =>
      least(SQUARES.slice(0, 2).map((s) => most(['nn', 'nt', 'tn'].map((v) => r.againstPeers('matmul', s, v))))),
  },
  {
    what: 'attention 8×512×64 forward',
    due: 18,
    aim: 25,
    unit: '% of OpenBLAS',
    measure: (r) => r.percent('attention forward', ATTENTION),
  },
  {
    what: 'attention 8×512×64 forward and backward',
    due: 11,
    aim: 18,
    unit: '% of OpenBLAS',
    measure: (r) => r.percent('attention forward and backward', ATTENTION),
  },
  {
    what: 'attention forward, of the best peer',
    due: 4,
    unit: '×',
    measure: (r) => r.againstPeers('attention forward', ATTENTION),
  },
  {
    what: 'attention forward and backward, of the best peer',
    due: 4,
    unit: '×',
    measure: (r) => r.againstPeers('attention forward and backward', ATTENTION),
  },
  {
    what: 'LoRA linear r 64 forward, of plain linear',
    due: 1.2,
    atMost: true,
    unit: '×',
    measure: (r) =>
      r.ratio(r.find('loraLinear forward', LORA, 'r 64'), r.find('loraLinear forward', LORA, 'plain linear')),
  },
  {
    what: 'LoRA linear r 64 backward, of plain dx',
    due: 1.45,
    atMost: true,
    unit: '×',
    measure: (r) =>
      r.ratio(r.find('loraLinear backward', LORA, 'r 64'), r.find('loraLinear backward', LORA, 'plain linear, dx')),
  },
  {
    what: 'prototype extractor forward, of its products',
    due: 1.2,
    atMost: true,
    unit: '×',
    measure: (r) =>
      r.ratio(
        r.find('prototypeCluster forward', PROTOTYPES),
        r.find('prototypeCluster forward', PROTOTYPES, 'its products alone'),
      ),
  },
  {
    what: 'prototype extractor backward, of its products',
    due: 1.3,
    atMost: true,
    unit: '×',
    measure: (r) =>
      r.ratio(
        r.find('prototypeCluster backward', PROTOTYPES),
        r.find('prototypeCluster backward', PROTOTYPES, 'its products alone'),
      ),
  },
  {
    what: 'softmax 4096×1024 forward',
    due: 25,
    aim: 35,
    unit: '% of copy',
    measure: (r) => r.percent('softmax forward', SOFTMAX),
  },
  {
    what: 'softmax 4096×1024 backward',
    due: 25,
    aim: 35,
    unit: '% of copy',
    measure: (r) => r.percent('softmax backward', SOFTMAX),
  },
  {
    what: 'cross-entropy over 32,000 classes forward',
    due: 25,
    aim: 35,
    unit: '% of copy',
    measure: (r) => r.percent('crossEntropy forward', LOGITS),
  },
  {
    what: 'cross-entropy over 32,000 classes backward',
    due: 25,
    aim: 35,
    unit: '% of copy',
    measure: (r) => r.percent('crossEntropy backward', LOGITS),
  },
  {
    what: 'layerNorm forward',
    due: 32,
    aim: 40,
    unit: '% of copy',
    measure: (r) => r.percent('layerNorm forward', '4616x1024'),
  },
  {
    what: 'layerNorm backward',
    due: 32,
    aim: 40,
    unit: '% of copy',
    measure: (r) => r.percent('layerNorm backward', '4616x1024'),
  },
  {
    what: 'rmsNorm forward',
    due: 32,
    aim: 40,
    unit: '% of copy',
    measure: (r) => r.percent('rmsNorm forward', '512x4096'),
  },
  {
    what: 'rmsNorm backward',
    due: 32,
    aim: 40,
    unit: '% of copy',
    measure: (r) => r.percent('rmsNorm backward', '512x4096'),
  },
  {
    what: 'AdamW, 28 bytes a parameter',
    due: 30,
    aim: 40,
    unit: '% of copy',
    measure: (r) => r.percent('adamw', '4194304'),
  },
  { what: 'decode 1×4096×4096 f32', due: 40, unit: '% of copy', measure: (r) => r.percent('decode', DECODE, 'f32') },
  { what: 'decode f16, of f32', due: 0.8, atMost: true, unit: '×', measure: (r) => decode(r, 'f16') },
  { what: 'decode int4, of f32', due: 0.55, atMost: true, unit: '×', measure: (r) => decode(r, 'int4') },
  { what: 'decode NF4, of f32', due: 0.55, atMost: true, unit: '×', measure: (r) => decode(r, 'nf4') },
  {
    what: 'MLP step, of the best peer',
    due: 7,
    unit: '×',
    measure: (r) => r.againstPeers('MLP step', '256x512x1024x512', 'replayed'),
  },
  {
    what: 'GPT block step, of the best peer',
    due: 5,
    unit: '×',
    measure: (r) => r.againstPeers('GPT block step', '4x256x256x8', 'replayed'),
  },
];

/** Each target, its aim and the measured value; a dash if the run did not measure it. */
export function targetsTable(rows: readonly Row[]): string {
  const found = new Rows(rows);
  const lines = TARGETS.map(({ what, due, aim, atMost, unit, measure }) => {
    const value = measure(found);
    const met = value === null ? '' : (atMost ? value <= due : value >= due) ? 'met' : 'missed';
    return `| ${what} | ${atMost ? '≤' : '≥'} ${due}${aim === undefined ? '' : ` (${aim})`} ${unit} | ${value === null ? '–' : short(value)} | ${met} |`;
  });
  return ['| what | due (aim) | measured | |', '|---|---|--:|---|', ...lines].join('\n');
}
