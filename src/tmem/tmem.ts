/**
 * Transcendent memory (after Xen's tmem): a host's spare memory as pools of pages that clients put into and get from by
 * key. An ephemeral pool may lose pages, a persistent one may refuse them. Synchronous but for the opening.
 */

import { loadCodec } from "../../codecs/registry.ts";
import { shown } from "../base/checks.ts";
import { PagefoldError } from "../base/errors.ts";
import { TmemClient } from "./client.ts";
import {
  type ClientOptions,
  checkClientOptions,
  checkMemoryLimit,
  checkTmemOptions,
  MOST_CLIENTS,
  type TmemOptions,
} from "./options.ts";
import type { TmemStats } from "./statistics.ts";
import { ClientCore, TmemCore } from "./tmem-core.ts";

/**
 * Opens transcendent memory, empty; its codec is loaded.
 * @throws PagefoldError INVALID_ARGUMENT, UNKNOWN_CODEC, NAME_TOO_LONG, NO_MEMORY.
 */
export async function openTmem(options: TmemOptions = {}): Promise<Tmem> {
  if (typeof options?.codec === "string") await loadCodec(options.codec);
  return new Tmem(new TmemCore(checkTmemOptions(options)));
}

export class Tmem {
  readonly #core: TmemCore;
  readonly #clients = new Map<string, TmemClient>();
  #isClosed = false;

  /** @internal use `openTmem` */
  constructor(core: TmemCore) {
    this.#core = core;
  }

  #open(): TmemCore {
    if (this.#isClosed) throw new PagefoldError("CLOSED", "tmem is closed; open another one");
    return this.#core;
  }

  /**
   * A new client, without pools.
   * @throws PagefoldError BUSY if there is one of that name, NO_SPACE, INVALID_ARGUMENT, NAME_TOO_LONG, CLOSED.
   */
  addClient(options: ClientOptions): TmemClient {
    const core = this.#open();
    const checked = checkClientOptions(options);
    const { name, domain } = checked;
    if (this.#clients.has(name)) {
      throw new PagefoldError(
        "BUSY",
        `a client named "${name}" is there already; close it first or choose another name`,
      );
    }
    if (this.#clients.size === MOST_CLIENTS) {
      throw new PagefoldError(
        "NO_SPACE",
        `client "${name}" would be one more than the ${MOST_CLIENTS} there can be at a time; close some, or open another tmem`,
      );
    }
    const added = new ClientCore(checked, core.domains.enter(domain));
    core.clients.push(added);
    const client = new TmemClient(core, added, () => {
      this.#clients.delete(name);
      core.removeClient(added);
    });
    this.#clients.set(name, client);
    return client;
  }

  /** @throws PagefoldError NOT_FOUND if there is no client of that name, CLOSED. */
  client(name: string): TmemClient {
    this.#open();
    const client = this.#clients.get(name);
    if (client !== undefined) return client;
    const names = [...this.#clients.keys()].map((known) => `"${known}"`).join(", ");
    throw new PagefoldError(
      "NOT_FOUND",
      `no client ${shown(name)} is there; there are ${names || "none"}`,
    );
  }

  stats(): TmemStats {
    return this.#open().stats();
  }

  /**
   * Sets the limit on mem_used_total, 0 for none: ephemeral pages beyond a lowered one are dropped, persistent ones
   * stay.
   */
  setMemoryLimit(bytes: number): void {
    this.#open().setMemoryLimit(checkMemoryLimit(bytes));
  }

  /** Ends all clients and their pools; any further call but this one throws CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    for (const client of [...this.#clients.values()]) client.close();
    this.#isClosed = true;
  }
}
