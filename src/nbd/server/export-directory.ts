/** The exports a server offers, by name; the empty name stands for the first. */

import { PagefoldError } from "../../base/errors.ts";
import { printable } from "../../base/text.ts";
import type { ServedExport } from "./served-export.ts";

/** Names spelled out in a message. */
const MOST_LISTED = 20;

export class ExportDirectory {
  readonly all: readonly ServedExport[];

  /** @throws PagefoldError INVALID_ARGUMENT for none, BUSY for two of one name. */
  constructor(all: readonly ServedExport[]) {
    if (all.length === 0)
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        "a server has nothing to serve; give it an export",
      );
    const names = new Set<string>();
    for (const { name } of all) {
      if (names.has(name))
        throw new PagefoldError("BUSY", `two exports are named "${printable(name)}"; rename one`);
      names.add(name);
    }
    this.all = all;
  }

  find(name: string): ServedExport | undefined {
    return (
      this.all.find((served) => served.name === name) ?? (name === "" ? this.all[0] : undefined)
    );
  }

  /** The names, for a message. */
  listed(): string {
    const names = this.all.slice(0, MOST_LISTED).map(({ name }) => `"${printable(name)}"`);
    const more = this.all.length - names.length;
    return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
  }
}
