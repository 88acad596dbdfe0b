/**
 * @file Operands of products copied into textures, which software adapters read at more than twice the speed of
 * buffers. Records commands only; no tape.
 */
import { matmulTexelRows } from '@curio/kernels/matmul_texel_rows';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import { Mirrors } from '../../gpu/memory/mirrors.ts';
import type { Storage } from '../../gpu/memory/arena.ts';
import type { Binding, Block } from '../../gpu/memory/block.ts';
import { fixedSubgroupSize } from '../../gpu/kernel/variant.ts';
import type { Run } from '../../tensor/op.ts';
import { Parameter } from '../../tensor/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/**
 * Whether kernels may read textures here. Not with subgroups of 16: Lavapipe of Mesa 25.0 then reads zeros in the upper
 * half of them.
 */
export const readsTexels = (gpu: KernelDevice): boolean =>
  [4, 8].includes(fixedSubgroupSize(gpu)) &&
  gpu.adapter.languageFeatures.includes('readonly_and_readwrite_storage_textures');

/** An operand in memory: rows of `width` elements. */
export interface Lines {
  readonly x: Tensor;
  readonly rows: number;
  readonly width: number;
}

/** WebGPU copies only rows of a multiple of this many elements into a texture. */
const COPIED = 64;
/** Extra texels that put each row into the next set of the CPU's L1 cache: a cache line. */
const GAP = 4;

const copiedTexels = (width: number): number => (COPIED / 4) * ceilDiv(width, COPIED);

/**
 * Texels in a row of the texture for rows of `width` elements, with `behind` more behind them: classes of a quarter of
 * a power of two, so that textures are reused, and rows are never a power of two apart.
 */
export function rowTexels(width: number, behind = 0): number {
  const texels = Math.max(copiedTexels(width), behind && width / 4 + copiedTexels(behind));
  const step = 2 ** Math.max(4, Math.floor(Math.log2(texels)) - 2);
  return step * ceilDiv(texels, step) + GAP;
}

/**
 * How an operand lies in its texture: in strips of so many texels, `stripRows` rows each; or, strip 1 or 2, every
 * second or fourth row in one of so many groups of `stripRows`.
 */
export interface OperandTexture {
  readonly binding: Binding;
  readonly strip: number;
  readonly stripRows: number;
  /** Records the copies that fill it. A copy ends a pass, so those of all operands belong together. */
  readonly fill: () => void;
}

/**
 * Terms, texels of a row, and reads of each element from which rows across the terms are copied in strips: each is a
 * command, and copies in short pieces.
 */
const [MIN_STRIP_ROWS, MIN_STRIP_TEXELS, MIN_STRIP_READS] = [256, 64, 256];
/** Texels of a strip, at least: columns of a tile. */
const STRIP = 16;

/**
 * Texels of a strip of rows that lie across the terms: narrow ones where the texture is long enough for all of them.
 */
function stripOf(gpu: Gpu, width: number, rows: number, reads: number): number {
  const texels = copiedTexels(width);
  if (rows < MIN_STRIP_ROWS || texels < MIN_STRIP_TEXELS || reads < MIN_STRIP_READS) return texels;
  let strip = STRIP;
  while (ceilDiv(texels, strip) * rows > gpu.adapter.limits.maxTextureDimension2D!) strip *= 2;
  return Math.min(strip, texels);
}

/**
 * Groups that rows are copied in, those of one group two or four apart: WebGPU copies rows a multiple of 256 bytes
 * apart. A kernel that copies them costs more, unless they are few and short.
 */
function groupsOf({ width }: Lines): 1 | 2 | 4 {
  if (width <= COPIED || width % 16 !== 0 || width % COPIED === 0) return 1;
  return width % 32 === 0 ? 2 : 4;
}

/** What an element costs that a kernel pads first, in elements that are copied as they lie. */
const PADDED = 3;

/** What copying a row of `width` elements costs, in elements. */
export const rowCost = (width: number): number =>
  width % 16 === 0 && (width > COPIED || width % COPIED === 0) ? width : PADDED * 4 * copiedTexels(width);

/** A texture of the call, and whether it is filled. */
interface FreshTexture {
  readonly storage: Storage;
  isFilled: boolean;
}

/**
 * A texture with the operand's rows as its rows, and those of `behind` behind them, along the terms of the sum: at the
 * end of each row where a row runs along the terms (`along`), else below. Where the operand is an input of the op,
 * all kernels of the call that want this layout share it; otherwise it belongs to the innermost scope, like the
 * buffers that it is filled from.
 * @param reads how often each element is read, as rows or columns of the result on the other side
 * @param mayGroup whether every batch begins at a multiple of four rows
 */
export function toTexelRows(
  run: Run,
  operand: Lines,
  behind: Lines | null,
  along: boolean,
  reads: number,
  mayGroup: boolean,
): OperandTexture {
  const { gpu } = run;
  const rows = operand.rows + (behind && !along ? behind.rows : 0);
  const groups = mayGroup ? groupsOf(operand) : 1;
  const groupRows = ceilDiv(rows, groups);
  const whole = copiedTexels(operand.width);
  const strip = along || groups > 1 ? whole : stripOf(gpu, operand.width, rows, reads);
  const texels =
    strip < whole ? strip + (strip > STRIP ? GAP : 0) : rowTexels(operand.width, behind && along ? behind.width : 0);
  const bytes = 16 * texels * groups * groupRows * ceilDiv(whole, strip);
  const copying = (block: Block, lines: Lines, at: { x: number; y: number }): (() => void) => {
    const asItLies = (lines.width * groups) % COPIED === 0;
    const pitch = asItLies ? lines.width / 4 : copiedTexels(lines.width);
    const from = asItLies ? lines.x.binding : withPitch(run, lines, pitch);
    const each = along ? pitch : Math.min(strip, pitch);
    return () => {
      for (let group = 0; group < Math.min(groups, lines.rows); group++) {
        const count = ceilDiv(lines.rows - group, groups);
        for (let i = 0; i * each < pitch; i++) {
          const place = { x: at.x, y: at.y / groups + group * groupRows + i * rows };
          gpu.stream.copyRows({ ...from, offset: from.offset + 16 * (group * pitch + i * each) }, block, {
            pitch: groups * pitch,
            texels: Math.min(each, pitch - i * each),
            count,
            ...place,
          });
        }
      }
    };
  };
  const start = { x: 0, y: 0 };
  const layout = `${texels} ${strip} ${groups} ${rows}`;
  const mirror = mirrorOf(run, operand, layout, bytes, texels, (texture) => copying(texture, operand, start)());
  const fresh = (): FreshTexture => ({ storage: gpu.allocate(bytes, texels), isFilled: false });
  const shared = (): FreshTexture | null =>
    behind ? null : run.once(operand.x, 4 * operand.rows * operand.width, `${operand.width} ${layout}`, fresh);
  const own = mirror ? null : (shared() ?? fresh());
  const block = mirror ?? own!.storage.block;
  const fillOwn = !own || own.isFilled ? null : copying(block, operand, start);
  if (own) own.isFilled = true;
  const others = behind && copying(block, behind, along ? { x: operand.width / 4, y: 0 } : { x: 0, y: operand.rows });
  const fill = (): void => {
    fillOwn?.();
    others?.();
  };
  return { binding: { block, offset: 0, bytes }, strip: groups > 1 ? groups / 2 : strip, stripRows: groupRows, fill };
}

/** The texture kept for an operand that is a frozen parameter; null for others. */
function mirrorOf(
  { gpu }: Run,
  { x, rows, width }: Lines,
  layout: string,
  bytes: number,
  texels: number,
  fill: (texture: Block) => void,
): Block | null {
  if (!(x instanceof Parameter) || x.requiresGrad) return null;
  const { block } = x.storage;
  if (gpu.stream.recorder?.changes(block)) return null; // it would have to be copied again in each replay
  block.mirrors ??= new Mirrors(gpu);
  return block.mirrors.of(`${x.binding.offset} ${width} ${rows} ${layout}`, bytes, texels, fill);
}

/**
 * A texture of what a tensor's strides span, cut into rows of `width` elements from the start of its binding: element i
 * is in row ⌊i / width⌋. It belongs to the innermost scope.
 */
export function toTexelSpan(run: Run, x: Tensor, width: number): Binding {
  const { gpu } = run;
  const span = x.binding;
  const rows = ceilDiv(span.bytes, 4 * width);
  const bytes = 16 * rowTexels(width) * rows;
  const { block } = gpu.allocate(bytes, rowTexels(width));
  gpu.scope(() => {
    const pitch = copiedTexels(width);
    const isWhole = 4 * pitch === width;
    const from = isWhole ? span : withPitch(run, { x, rows, width }, pitch);
    const count = isWhole ? Math.floor(span.bytes / (4 * width)) : rows;
    if (count > 0) gpu.stream.copyRows(from, block, { pitch, texels: pitch, count, x: 0, y: 0 });
    const rest = isWhole ? span.bytes / 16 - count * pitch : 0;
    if (rest > 0)
      gpu.stream.copyRows({ ...from, offset: from.offset + 16 * count * pitch }, block, {
        pitch,
        texels: rest,
        count: 1,
        x: 0,
        y: count,
      });
  });
  return { block, offset: 0, bytes };
}

/** The same rows, so many vec4s apart, in a buffer of the innermost scope. */
function withPitch(run: Run, { x, rows, width }: Lines, pitch: number): Binding {
  const bytes = 16 * pitch * rows;
  const vec4s = ceilDiv(width, 4);
  const lanes = vec4s <= 4 ? 4 : vec4s <= 8 ? 8 : 16;
  const y: Binding = { block: run.gpu.allocate(bytes).block, offset: 0, bytes };
  run.dispatch(matmulTexelRows, 'copy', {
    buffers: { x, elements: x, y },
    params: { rows, columns: width, pitch },
    grid: [ceilDiv(vec4s, lanes), ceilDiv(rows, (64 / lanes) * 4), 1],
    tuning: { ALIGNED: `${width % 4 === 0}`, LANES: `${lanes}u` },
  });
  return y;
}
