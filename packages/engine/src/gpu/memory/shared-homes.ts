/**
 * @file Buffers for the temporaries of plans that never run at the same time: as many as the largest needs, not as all
 * together.
 */
import type { Gpu } from '../gpu.ts';
import type { Block, Home } from './memory.ts';
import { planMemory } from './plan-memory.ts';
import type { Lifetime } from './plan-memory.ts';

/** A plan whose temporaries live here. */
export interface Tenant {
  readonly lifetimes: readonly Lifetime[];
  /** Told where each lifetime is from now on, at first and whenever all are laid out anew. */
  moveIn(homes: readonly Block[]): void;
}

/** What a newcomer asks for, and what is given back for them. */
export interface Demand {
  readonly homes: readonly Home[];
  readonly freed: number;
}

/** All are laid out anew where that saves at least this share. */
const WORTHWHILE = 0.05;
const total = (homes: readonly Home[]): number => homes.reduce((sum, { bytes }) => sum + bytes, 0);

export class SharedHomes {
  private homes: Block[] = [];
  private readonly tenants = new Map<Tenant, ReadonlySet<Block>>();

  constructor(private readonly gpu: Gpu) {}

  /** Finds room for `tenant`; `mayTake` throws where it would be too much, before anything changes. */
  admit(tenant: Tenant, mayTake: (demand: Demand) => void): void {
    const there = this.homes;
    const grown = planMemory(tenant.lifetimes, there);
    const missing = grown.homes.slice(there.length);
    const anew = missing.length > 0 && this.tenants.size > 0 ? layOut([...this.tenants.keys(), tenant]) : null;
    if (anew && total(anew.homes) < (1 - WORTHWHILE) * total(grown.homes)) {
      mayTake({ homes: anew.homes, freed: total(there) });
      for (const home of this.homes) this.gpu.memory.release(home);
      this.gpu.trim(); // the old ones go before the new ones come, or both would be there at the peak
      this.homes = anew.homes.map((home) => this.take(home));
      for (const [each, homeOf] of anew.homesOf) this.settle(each, homeOf);
      return;
    }
    mayTake({ homes: missing, freed: 0 });
    this.homes.push(...missing.map((home) => this.take(home)));
    this.settle(tenant, grown.homeOf);
  }

  /** Frees what no other tenant uses. */
  leave(tenant: Tenant): void {
    if (!this.tenants.delete(tenant)) return;
    const used = new Set([...this.tenants.values()].flatMap((homes) => [...homes]));
    for (const home of this.homes) if (!used.has(home)) this.gpu.memory.release(home);
    this.homes = this.homes.filter((home) => used.has(home));
  }

  private take({ bytes, texels }: Home): Block {
    return this.gpu.memory.acquire(bytes, 'step', texels);
  }

  private settle(tenant: Tenant, homeOf: readonly number[]): void {
    const homes = homeOf.map((h) => this.homes[h]!);
    this.tenants.set(tenant, new Set(homes));
    tenant.moveIn(homes);
  }
}

/** All tenants in one set of homes, the one that needs most first. */
function layOut(tenants: readonly Tenant[]): {
  homes: readonly Home[];
  homesOf: ReadonlyMap<Tenant, readonly number[]>;
} {
  const homesOf = new Map<Tenant, readonly number[]>();
  let homes: readonly Home[] = [];
  const alone = new Map(tenants.map((tenant) => [tenant, total(planMemory(tenant.lifetimes).homes)]));
  for (const tenant of [...tenants].sort((a, b) => alone.get(b)! - alone.get(a)!)) {
    const plan = planMemory(tenant.lifetimes, homes);
    homesOf.set(tenant, plan.homeOf);
    homes = plan.homes;
  }
  return { homes, homesOf };
}
