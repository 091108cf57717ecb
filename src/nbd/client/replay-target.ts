/** An export of an NBD server as what a trace is replayed against. */

import type { Done, ReplayTarget } from "../../trace/replay-target.ts";
import type { NbdClient } from "./client.ts";

export class ClientTarget implements ReplayTarget {
  readonly #client: NbdClient;

  constructor(client: NbdClient) {
    this.#client = client;
  }

  get sizeBytes(): number {
    return this.#client.info.sizeBytes;
  }

  get isGone(): boolean {
    return this.#client.ended !== undefined;
  }

  read(offset: number, target: Uint8Array): Done {
    return this.#client.read(offset, target);
  }

  write(offset: number, source: Uint8Array): Done {
    return this.#client.write(offset, source);
  }

  /** Where the server does not discard, zeros are written: the range has to read as such. */
  discard(offset: number, length: number): Done {
    const { info } = this.#client;
    if (!info.canTrim && info.canWriteZeroes) return this.#client.writeZeroes(offset, length);
    return this.#client.trim(offset, length);
  }

  writeZeroes(offset: number, length: number, { reserve }: { readonly reserve: boolean }): Done {
    return this.#client.writeZeroes(offset, length, { noHole: reserve });
  }

  /** Nothing to do where the server has no use for it. */
  flush(): Done {
    return this.#client.info.canFlush ? this.#client.flush() : undefined;
  }
}
