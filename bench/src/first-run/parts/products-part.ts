/**
 * @file Matrix products: every variant and tuning at large squares, the best of them at other shapes, packed weights,
 * matrix units.
 */
import type { Gpu } from '@curio/engine';
import { subgroupMatrixFault } from '@curio/engine';
import { opTable, subgroupMatrix } from '@curio/engine/check';
import { OpCells } from '../../engine-cells.ts';
import { heldByF16 } from '../../matrix-units.ts';
import { packed, productBench } from '../../shapes/products.ts';
import type { Layout, Storage } from '../../shapes/products.ts';
import { AS_CALLED, choicesOf, matrixChoices } from '../choices.ts';
import type { Choice, Families } from '../choices.ts';
import { timesOf } from '../device-times.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { finding, isFinding, emit } from '../report.ts';
import type { Finding } from '../report.ts';
import { fastest, runJobs, sweep, sweepTunings } from '../sweep.ts';
import type { Job } from '../sweep.ts';

type Size = readonly [layout: Layout, M: number, N: number, K: number, what?: string];

const LAYOUTS = ['nn', 'nt', 'tn'] as const;

/** A LLaMA-7B layer with LoRA of rank 128 over 512 tokens, and the small model. */
const LORA: readonly Size[] = [
  ['nt', 512, 4096, 4096, 'q_proj forward'],
  ['nn', 512, 4096, 4096, 'q_proj dx'],
  ['nt', 512, 11008, 4096, 'gate_proj forward'],
  ['nt', 512, 4096, 11008, 'down_proj forward'],
  ['nt', 512, 128, 4096, 'x·Aᵀ'],
  ['nt', 512, 4096, 128, 'h·Bᵀ'],
  ['nn', 512, 128, 4096, 'dy·B'],
  ['tn', 128, 4096, 512, 'dA'],
  ['tn', 4096, 128, 512, 'dB'],
  ['nt', 640, 160, 160, 'small model'],
  ['nt', 640, 16, 160, 'small model, x·Aᵀ'],
  ['nt', 640, 432, 160, 'small model, MLP'],
  ['tn', 160, 16, 640, 'small model, dB'],
];
/** CLIP-L over an image: 576 patches and one word, so few tiles. */
const CLIP: readonly Size[] = [
  ['nt', 577, 1024, 1024, 'CLIP attention'],
  ['nt', 577, 4096, 1024, 'CLIP fc1'],
  ['nt', 577, 1024, 4096, 'CLIP fc2'],
];
/** A token's products as it is decoded. */
const DECODE: readonly Size[] = [
  ['nt', 1, 4096, 4096, 'o_proj of a token'],
  ['nt', 1, 11008, 4096, 'gate_proj of a token'],
];
/** Shapes unlike the square that the ranking comes from. */
const THOROUGH = [LORA[0]!, LORA[9]!, LORA[7]!];
const SMALL: readonly Size[] = [
  ['nt', 64, 48, 32, 'small'],
  ['tn', 48, 32, 64, 'small'],
];

/** How many of each variant's tunings of the first sweep are tried in other layouts and sizes. */
const KEPT = 3;

/**
 * The choices to time elsewhere: every variant with its table's tuning, and with its fastest tunings in the first
 * sweep.
 */
class Ranking {
  private names: ReadonlySet<string> | null = null;

  /** The first sweep, of every tuning, is what counts. */
  learn(ordered: readonly Finding[]): void {
    if (this.names || ordered.length === 0) return;
    const variantOf = ({ choice }: Finding): string => Object.values(choice!.forced).join();
    this.names = new Set(
      ordered
        .filter(
          (each, i) =>
            each.choice &&
            ordered.slice(0, i).filter((other) => other.choice && variantOf(other) === variantOf(each)).length < KEPT,
        )
        .map(({ variant }) => variant),
    );
  }

  keeps({ name, changes }: Choice): boolean {
    return changes.length === 0 || !this.names || this.names.has(name);
  }
}

/** Every tile near the usual one, and each other tunable alone: for shapes of which no square says what suits them. */
const TILES_NEAR: Pick<Ranking, 'keeps' | 'learn'> = {
  keeps: ({ changes }) =>
    changes.length < 2 || (changes.length === 2 && changes.every((change) => /^(DOWN|ACROSS|T)=/.test(change))),
  learn() {},
};

/** Every tuning of the kernels for few rows. */
const FEW_ROWS: Pick<Ranking, 'keeps' | 'learn'> = {
  keeps: ({ forced }) => Object.values(forced).some((variant) => variant.startsWith('gemv')),
  learn() {},
};

export async function productsPart(options: PartOptions): Promise<void> {
  const { scale } = options;
  const [first, second] = scale === 'full' ? [2048, 4096] : [128, 192];
  const [plain, onUnits] = [new Ranking(), new Ranking()];
  const before = fastest(
    options.known
      .filter(isFinding)
      .filter(
        ({ op, shape, library }) => library === 'curio' && op === 'matmul nn' && shape === `${first}x${first}x${first}`,
      ),
  );
  plain.learn(before.filter(({ choice }) => !choice?.halves));
  onUnits.learn(before.filter(({ choice }) => choice?.halves));
  const square = (layout: Layout, n: number, share: number, halves = false): Job => {
    const job = halves
      ? matrixJob([layout, n, n, n], options, onUnits, share)
      : plainJob([layout, n, n, n], options, plain, share);
    return [`matmul ${layout} ${n}${halves ? ' on matrix units' : ''}`, job];
  };
  const jobs: Job[] = [
    square('nn', first, 0.4),
    square('nn', second, 0.5),
    square('nn', first, 0.6, true),
    square('nn', second, 0.7, true),
    square('nt', second, 0.8),
    square('tn', second, 0.8),
    square('nt', second, 0.85, true),
    square('tn', second, 0.85, true),
    ...(scale === 'full' ? CLIP : []).map(
      (size): Job => [`matmul ${size.join(' ')} on matrix units`, matrixJob(size, options, TILES_NEAR, 0.95)],
    ),
    ...(scale === 'full' ? DECODE : [['nt', 1, 64, 48, 'of a token'] as const]).map(
      (size): Job => [`matmul ${size.join(' ')}`, plainJob(size, options, FEW_ROWS, 0.95)],
    ),
    square('nt', first, 0.85),
    square('tn', first, 0.85),
    ...(scale === 'full' ? LORA : SMALL).map(
      (size): Job => [`matmul ${size.join(' ')}`, plainJob(size, options, plain, 0.95)],
    ),
    ...packedJobs(scale),
    ...(scale === 'full' ? THOROUGH : []).map(
      (size): Job => [`matmul ${size.join(' ')}, other tunings`, plainJob(size, options, plain, 1, true)],
    ),
    ...(scale === 'full' ? LORA.slice(0, 4) : []).map(
      (size): Job => [`matmul ${size.join(' ')} on matrix units`, matrixJob(size, options, onUnits, 1)],
    ),
  ];
  await runJobs(openDevice, jobs, options);
}

function subjectOf(gpu: Gpu, [layout, M, N, K, what]: Size, held?: typeof heldByF16) {
  const cells = new OpCells(gpu, productBench(layout, M, N, K, held));
  return {
    op: `matmul ${layout}`,
    shape: `${M}x${N}x${K}`,
    label: what,
    work: { flops: 2 * M * N * K },
    session: cells.forward().open(),
    rehearse: (dry: Gpu) => cells.rehearse(dry, false),
  };
}

/** @param rest the tunings that the ranking dropped */
function plainJob(
  size: Size,
  options: PartOptions,
  ranking: Pick<Ranking, 'keeps' | 'learn'>,
  share: number,
  rest = false,
): Job[1] {
  return async (gpu) => {
    const { session, ...subject } = subjectOf(gpu, size);
    const family = `matmul ${size[0]}`;
    const all = choicesOf(gpu, { [family]: (opTable('matmul').families as Families)[family]! }, subject.rehearse);
    const found = await sweepTunings(
      gpu,
      { ...subject, session: await session },
      rest
        ? all.filter((choice) => !ranking.keeps(choice))
        : [AS_CALLED, ...all.filter((choice) => ranking.keeps(choice))],
      options,
      share,
    );
    ranking.learn(fastest(found));
  };
}

/** The kernel on matrix units is tested once per device. */
const faults = new WeakMap<Gpu, string | null>();

async function faultOf(gpu: Gpu): Promise<string | null> {
  if (!faults.has(gpu)) faults.set(gpu, await subgroupMatrixFault(gpu));
  return faults.get(gpu)!;
}

function matrixJob(size: Size, options: PartOptions, ranking: Pick<Ranking, 'keeps' | 'learn'>, share: number): Job[1] {
  return async (gpu) => {
    const fault = await faultOf(gpu);
    // if not, the sweep shows which of its choices do
    emit({ fact: 'matrix units', value: fault ?? 'agree with float64' });
    if (!gpu.adapter.subgroupMatrix) return;
    const { session, ...subject } = subjectOf(gpu, size, heldByF16);
    const [usual, ...tuned] = matrixChoices(gpu, subgroupMatrix, subject.rehearse);
    if (!usual) return emit({ fact: 'matrix units', value: `${subject.op} ${subject.shape} does not run on them` });
    const within: Choice = { ...usual, name: `${usual.name}, rounded within`, forced: { 'matmul halves': 'within' } };
    const found = await sweepTunings(
      gpu,
      { ...subject, session: await session },
      [usual, within, ...tuned.filter((choice) => ranking.keeps(choice))],
      options,
      share,
    );
    ranking.learn(fastest(found));
  };
}

/** Products of activations with packed weights. */
function packedJobs(scale: PartOptions['scale']): Job[] {
  const [M, N, K] = scale === 'full' ? [512, 4096, 4096] : [32, 64, 128];
  const cell = (storage: Storage, rows: number): Job => [
    `linear ${storage} ${rows}x${N}x${K}`,
    async (gpu) => {
      const { open, work } = packed(gpu, storage, rows, N, K);
      const session = await open();
      const wrong = await session.check();
      emit(
        finding(
          'linear',
          `${rows}x${N}x${K}`,
          storage,
          rows > 1 ? { flops: work!.flops } : { bytes: work!.bytes },
          wrong ? `wrong: ${wrong}` : await timesOf(gpu, session.record!),
        ),
      );
      session.close();
    },
  ];
  return [
    ...(['f32', 'bf16', 'int4', 'nf4'] as const).map((storage) => cell(storage, M)),
    ...(['f32', 'bf16', 'nf4'] as const).map((storage) => cell(storage, 1)),
  ];
}

/** The sweep's best choice and the default one again, on a device with other Dawn toggles. */
export const togglePart =
  (toggle: string) =>
  async (options: PartOptions): Promise<void> => {
    const { scale, known } = options;
    const n = scale === 'full' ? 4096 : 192;
    const best = LAYOUTS.flatMap((layout) => {
      const found = fastest(
        known
          .filter(isFinding)
          .filter(
            ({ op, shape, library, choice }) =>
              library === 'curio' &&
              op === `matmul ${layout}` &&
              shape === `${n}x${n}x${n}` &&
              choice &&
              !choice.halves,
          ),
      );
      return found[0]?.choice ? [[layout, found[0].choice] as const] : [];
    });
    await runJobs(
      () => openDevice([toggle]),
      best.slice(0, 1).map(
        ([layout, choice]): Job => [
          `matmul ${layout} ${n} with ${toggle}`,
          async (gpu) => {
            const { session, ...subject } = subjectOf(gpu, [layout, n, n, n]);
            const choices = [choice, AS_CALLED].map((each) => ({ ...each, name: `${each.name}, ${toggle}` }));
            await sweep(gpu, { ...subject, op: `${subject.op} toggled`, session: await session }, choices, options);
          },
        ],
      ),
      options,
    );
  };
