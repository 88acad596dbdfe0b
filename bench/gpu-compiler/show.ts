/** @file npm run kernel -- NAME --gpu: the table, as the workbench prints it. */
import { compileForGpu, USUAL_CHIP } from './compile.ts';
import { prepareDriver } from './driver.ts';
import type { Compiled, Request } from './result.ts';
import { gpuTable, loopLines } from './table.ts';

export interface ShowOptions {
  readonly chip?: string;
  readonly entry?: string;
  /** `NAME=VALUE` or `NAME=VALUE,VALUE`. */
  readonly set?: readonly string[];
  readonly toggle?: readonly string[];
  readonly loops?: boolean;
  readonly code?: boolean;
}

/** Parses `['T=4u,8u']` into `{ T: ['4u', '8u'] }`. @throws Error for any other form */
export function valuesIn(set: readonly string[]): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  for (const each of set) {
    const [, name, list] = /^(\w+)=(.+)$/.exec(each) ?? [];
    if (name === undefined || list === undefined)
      throw new Error(`kernel: --set was given '${each}'; it takes NAME=VALUE or NAME=VALUE,VALUE.`);
    values[name] = [...new Set([...(values[name] ?? []), ...list.split(',')])];
  }
  return values;
}

/** Prints what a GPU's compiler makes of kernels. Returns whether all were compiled. */
export async function showGpu(
  kernels: readonly string[],
  { chip = USUAL_CHIP, entry, set = [], toggle = [], loops = false, code = false }: ShowOptions,
  say: (text: string) => void,
): Promise<boolean> {
  const toggles = toggle.flatMap((each) => each.split(','));
  const request: Request = { kernels, entry, values: valuesIn(set), toggles, withText: code };
  const compiled: Compiled[] = [];
  const refused: string[] = [];
  const passedOver = new Map<number, string[]>();
  for await (const each of compileForGpu(prepareDriver(say), request, chip))
    if ('refused' in each) refused.push(`${each.refused}: ${each.why}`);
    else if ('passedOver' in each) passedOver.set(each.lanes, [...(passedOver.get(each.lanes) ?? []), each.passedOver]);
    else compiled.push(each);
  if (compiled.length > 0) say(gpuTable(chip, toggles, compiled));
  for (const each of compiled) {
    if (loops || code) say(`\n${each.label}`);
    if (loops) say(loopLines(each).join('\n'));
    if (each.text !== undefined) say(each.text);
  }
  for (const [lanes, labels] of passedOver)
    say(`not for GPUs, written for subgroups of ${lanes} as software adapters have them: ${labels.join(', ')}`);
  for (const sentence of refused) say(sentence);
  if (compiled.length + passedOver.size + refused.length === 0)
    throw new Error(`kernel: none of ${kernels.join(', ')} has an entry '${entry}'.`);
  return refused.length === 0;
}
