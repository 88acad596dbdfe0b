/**
 * @file What an ablation compares: rows of the paper's table and two sweeps, each row trained with several seeds. A
 * cell is one training run; rows of two tables with the same settings share their cells.
 *
 * Source: the ablation of SQ-LLaVA (docs/sq-llava.md, section 6): its rows are a baseline with LoRA in the language
 * model alone, the three pairs of additions (here the table `pairs`), and all.
 */
import type { Override } from '../config/load.ts';

/** A setting in which rows differ. */
export interface Setting {
  /** Prototypes of the extractor before the projector; null: the MLP projector alone. */
  readonly prototypes: number | null;
  /** Whether the image tower has LoRA, else it is frozen. */
  readonly visionLora: boolean;
  /** Probability that a question is trained as one that the model asks itself. */
  readonly sqR: number;
}

export interface Row {
  readonly label: string;
  readonly setting: Setting;
}

/** The first row is what the others are compared with. */
export interface Table {
  readonly name: TableName;
  readonly title: string;
  readonly rows: readonly Row[];
}

export type TableName = 'rows' | 'pairs' | 'sq_r' | 'prototypes';

/** As the preset small has them. */
const ALL: Setting = { prototypes: 16, visionLora: true, sqR: 0.5 };
const BASELINE: Setting = { prototypes: null, visionLora: false, sqR: 0 };

const plus = (...parts: (keyof Setting)[]): Setting => ({
  ...BASELINE,
  ...Object.fromEntries(parts.map((part) => [part, ALL[part]])),
});

const baseline: Row = { label: 'baseline', setting: BASELINE };
const all: Row = { label: 'all', setting: ALL };

export const TABLES: readonly Table[] = [
  {
    name: 'rows',
    title: 'Each addition alone',
    rows: [
      baseline,
      { label: '+ LoRA on the image tower', setting: plus('visionLora') },
      { label: '+ prototypes', setting: plus('prototypes') },
      { label: '+ self-questioning', setting: plus('sqR') },
      all,
    ],
  },
  {
    name: 'pairs',
    title: 'Two additions at a time, as in the paper',
    rows: [
      baseline,
      { label: '+ LoRA, prototypes', setting: plus('visionLora', 'prototypes') },
      { label: '+ LoRA, self-questioning', setting: plus('visionLora', 'sqR') },
      { label: '+ self-questioning, prototypes', setting: plus('sqR', 'prototypes') },
      all,
    ],
  },
  {
    name: 'sq_r',
    title: 'Share of questions that it must ask itself',
    rows: [0, 0.3, 0.5, 0.7].map((sqR) => ({ label: `sq_r ${sqR}`, setting: { ...ALL, sqR } })),
  },
  {
    name: 'prototypes',
    title: 'Number of prototypes',
    rows: [4, 16, 36].map((prototypes) => ({ label: `${prototypes} prototypes`, setting: { ...ALL, prototypes } })),
  },
];

/** Tables made by default. */
export const DEFAULT_TABLES: readonly TableName[] = ['rows', 'sq_r', 'prototypes'];

/** One training run. */
export interface Cell {
  /** Folder of its run. */
  readonly name: string;
  /** Display name. */
  readonly label: string;
  readonly seed: number;
  readonly overrides: readonly Override[];
}

export const cellName = ({ prototypes, visionLora, sqR }: Setting, seed: number): string =>
  `${prototypes === null ? 'mlp' : `prototypes-${prototypes}`}${visionLora ? '-lora' : ''}-sq-${sqR}-seed-${seed}`;

/** Iterations of the extractor, as published. */
const ITERATIONS = 2;

function overridesOf({ prototypes, visionLora, sqR }: Setting, seed: number): Override[] {
  const projector =
    prototypes === null
      ? { kind: 'mlp2x_gelu' }
      : { kind: 'cluster', numPrototypes: prototypes, iterations: ITERATIONS };
  return [
    ['seed', `${seed}`],
    ['model.projector', JSON.stringify(projector)],
    ...(visionLora ? [] : [['model.visionLora', 'null'] as const]),
    ['train.stage2.sqR', `${sqR}`],
  ];
}

/** Keys that the rows set, so overrides may not. */
export const RESERVED_KEYS = ['seed', 'model.projector', 'model.visionLora', 'train.stage2.sqR'] as const;

/** Each cell once, the first seed first, so that a table of one seed is ready early. */
export function cellsOf(tables: readonly Table[], seeds: readonly number[]): Cell[] {
  const cells = new Map<string, Cell>();
  for (const seed of seeds) {
    for (const { label, setting } of tables.flatMap(({ rows }) => rows)) {
      const name = cellName(setting, seed);
      if (!cells.has(name)) cells.set(name, { name, label, seed, overrides: overridesOf(setting, seed) });
    }
  }
  return [...cells.values()];
}
