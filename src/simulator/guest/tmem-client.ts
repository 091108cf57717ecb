/** A guest as a client of the host's tmem: its pools, as its kernel asks for them. */

import type { TmemClient } from "../../tmem/client.ts";
import type { Tmem } from "../../tmem/tmem.ts";
import type { Contents } from "../contents.ts";
import type { Host } from "../memory/host.ts";
import { TmemPages } from "./tmem-pages.ts";

export interface GuestTmem {
  readonly client: TmemClient;
  /** An ephemeral pool for pages that leave the page cache, and a persistent one in front of swap; null: not used. */
  readonly pageCache: TmemPages | null;
  readonly swap: TmemPages | null;
}

/** Makes the host's guest of that index a client. */
export function joinTmem(
  tmem: Tmem,
  options: {
    readonly host: Host;
    readonly contents: Contents;
    readonly guest: number;
    readonly hasPageCache: boolean;
    readonly hasSwap: boolean;
  },
): GuestTmem {
  const { host, guest } = options;
  const { name, domain } = host.guests[guest]!;
  const client = tmem.addClient({ name, domain: `domain-${domain}` });
  const open = (kind: "ephemeral" | "persistent"): TmemPages =>
    new TmemPages(client.openPool({ kind }), options);
  return {
    client,
    pageCache: options.hasPageCache ? open("ephemeral") : null,
    swap: options.hasSwap ? open("persistent") : null,
  };
}
