/** A client of tmem, a guest or a process: it opens pools, its own or those that others share with it. */

import { PagefoldError } from "../base/errors.ts";
import { checkPoolOptions, type PoolOptions } from "./options.ts";
import { TmemPool } from "./pool.ts";
import { PoolCore } from "./pool-core.ts";
import { type ClientStats, tmemCounts } from "./statistics.ts";
import type { ClientCore, TmemCore } from "./tmem-core.ts";

export class TmemClient {
  readonly #core: TmemCore;
  readonly #client: ClientCore;
  readonly #whenClosed: () => void;
  readonly #pools = new Set<TmemPool>();
  #isClosed = false;

  /** @internal use `Tmem.addClient` */
  constructor(core: TmemCore, client: ClientCore, whenClosed: () => void) {
    this.#core = core;
    this.#client = client;
    this.#whenClosed = whenClosed;
  }

  get name(): string {
    return this.#client.options.name;
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new PagefoldError("CLOSED", `the client "${this.name}" is closed; add another one`);
  }

  /**
   * Opens a pool of its own, or with `uuid` a shared one: a new one if there is none of that UUID, else the one there
   * is, whose owner has to admit this client.
   * @throws PagefoldError NOT_PERMITTED where the owner does not, or is of another domain; BUSY if this client has it
   * open; INVALID_ARGUMENT, NAME_TOO_LONG, NO_SPACE, CLOSED.
   */
  openPool(options: PoolOptions): TmemPool {
    this.#checkOpen();
    const checked = checkPoolOptions(options);
    const { uuid } = checked;
    const core = this.#core;
    const owner = this.#client;
    let pool = uuid === null ? undefined : core.sharedPools.get(uuid);
    if (pool === undefined) {
      pool = core.addPool((number) => new PoolCore(core, { number, owner, options: checked }));
      owner.pools.add(pool);
      if (uuid !== null) core.sharedPools.set(uuid, pool);
    } else {
      this.#checkJoining(pool, checked.kind);
    }
    const opened: TmemPool = new TmemPool(pool, owner, () => this.#pools.delete(opened));
    this.#pools.add(opened);
    return opened;
  }

  #checkJoining(pool: PoolCore, kind: string): void {
    const { uuid, admits } = pool.options;
    const { name, domain } = this.#client.options;
    if (pool.members.has(this.#client)) {
      throw new PagefoldError(
        "BUSY",
        `client "${name}" has pool ${uuid} open already; use that, or close it first`,
      );
    }
    if (!admits.has(name)) {
      throw new PagefoldError(
        "NOT_PERMITTED",
        `client "${name}" is none of those whom the owner of pool ${uuid} admits; the owner has to name it in admits when it opens the pool`,
      );
    }
    if (domain !== pool.owner.options.domain) {
      throw new PagefoldError(
        "NOT_PERMITTED",
        `client "${name}" is in domain "${domain}" and pool ${uuid} is not; pages are shared within a domain only, add the client to the owner's`,
      );
    }
    if (kind !== pool.options.kind) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `kind is "${kind}", but pool ${uuid} is ${pool.options.kind}; open it as that, or choose another uuid`,
      );
    }
  }

  stats(): ClientStats {
    this.#checkOpen();
    const { options, ephemeralPages, persistentPages, pools } = this.#client;
    return {
      ...tmemCounts(this.#client.counts()),
      name: options.name,
      domain: options.domain,
      weight: options.weight,
      limit_bytes: options.limitBytes,
      ephemeral_pages: ephemeralPages,
      persistent_pages: persistentPages,
      pools: pools.size,
    };
  }

  /** Leaves every pool it has open, which destroys those it owns; any further call but this one throws CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    for (const pool of [...this.#pools]) pool.close();
    this.#isClosed = true;
    this.#whenClosed();
  }
}
