/**
 * @file Buffers for the temporaries of plans that never run at the same time: as many as the largest needs, not as all
 * together.
 */
import type { Block, Slot } from './block.ts';
import type { Memory } from './memory.ts';
import { planMemory } from './plan-memory.ts';
import type { Lifetime } from './plan-memory.ts';

/** A plan whose temporaries live here. */
export interface SlotUser {
  readonly lifetimes: readonly Lifetime[];
  /** Called with the slot of each lifetime, at first and whenever all are laid out again. */
  takeSlots(slots: readonly Block[]): void;
}

/** The slots that a new user needs, and what is freed for them. */
export interface Demand {
  readonly slots: readonly Slot[];
  readonly freed: number;
}

/** All are laid out again where that saves at least this share. */
const WORTHWHILE = 0.05;
const total = (slots: readonly Slot[]): number => slots.reduce((sum, { bytes }) => sum + bytes, 0);

export class SharedSlots {
  private slots: Block[] = [];
  private readonly users = new Map<SlotUser, ReadonlySet<Block>>();

  constructor(private readonly gpu: { readonly memory: Pick<Memory, 'acquire' | 'release'>; trim(): void }) {}

  /** Finds room for `user`; `mayTake` throws where it would exceed a limit, before anything changes. */
  admit(user: SlotUser, mayTake: (demand: Demand) => void): void {
    const there = this.slots;
    const grown = planMemory(user.lifetimes, there);
    const missing = grown.slots.slice(there.length);
    const anew = missing.length > 0 && this.users.size > 0 ? layOut([...this.users.keys(), user]) : null;
    if (anew && total(anew.slots) < (1 - WORTHWHILE) * total(grown.slots)) {
      mayTake({ slots: anew.slots, freed: total(there) });
      for (const slot of this.slots) this.gpu.memory.release(slot);
      this.gpu.trim(); // free the old buffers first, or the peak would include both
      this.slots = anew.slots.map((slot) => this.take(slot));
      for (const [each, slotOf] of anew.slotsOf) this.assign(each, slotOf);
      return;
    }
    mayTake({ slots: missing, freed: 0 });
    this.slots.push(...missing.map((slot) => this.take(slot)));
    this.assign(user, grown.slotOf);
  }

  /** Frees what no other user uses. */
  leave(user: SlotUser): void {
    if (!this.users.delete(user)) return;
    const used = new Set([...this.users.values()].flatMap((slots) => [...slots]));
    for (const slot of this.slots) if (!used.has(slot)) this.gpu.memory.release(slot);
    this.slots = this.slots.filter((slot) => used.has(slot));
  }

  private take({ bytes, texels }: Slot): Block {
    return this.gpu.memory.acquire(bytes, 'step', texels);
  }

  private assign(user: SlotUser, slotOf: readonly number[]): void {
    const slots = slotOf.map((h) => this.slots[h]!);
    this.users.set(user, new Set(slots));
    user.takeSlots(slots);
  }
}

/** All users in one set of slots, the one that needs most first. */
function layOut(users: readonly SlotUser[]): {
  slots: readonly Slot[];
  slotsOf: ReadonlyMap<SlotUser, readonly number[]>;
} {
  const slotsOf = new Map<SlotUser, readonly number[]>();
  let slots: readonly Slot[] = [];
  const alone = new Map(users.map((user) => [user, total(planMemory(user.lifetimes).slots)]));
  for (const user of [...users].sort((a, b) => alone.get(b)! - alone.get(a)!)) {
    const plan = planMemory(user.lifetimes, slots);
    slotsOf.set(user, plan.slotOf);
    slots = plan.slots;
  }
  return { slots, slotsOf };
}
