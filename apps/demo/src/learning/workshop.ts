/** @file What the page's worker provides for learning. */
import type { Gpu } from '@curio/engine';
import type { AskConfig, Picture, SqLlava, Tokens } from '@curio/model';
import type { ByteFolder } from '@curio/nn';
import type { Turns } from '../turns.ts';

export interface Workshop {
  readonly gpu: Gpu;
  /** The model that the page came with. */
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly ask: AskConfig;
  readonly prepare: (picture: Picture) => Float32Array;
  /** A folder of the page's model: `language`, `vision`, `adapter`, `adapter/Vit-lora`. */
  readonly folder: (name: string) => ByteFolder | null;
  readonly turns: Turns;
  /** The model that answers from now on. */
  readonly talkWith: (model: SqLlava) => void;
}
