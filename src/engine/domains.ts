/**
 * The domains of an engine by name. A domain's number is free again when the last of its tenants has left, which gave
 * its pages back before, so an engine's numbers do not run out in a store whose tenants come and go.
 */

import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { type Engine, MOST_DOMAINS } from "./engine.ts";

interface Domain {
  readonly number: number;
  tenants: number;
}

export class Domains {
  readonly #domains = new Map<string, Domain>();
  readonly #free: number[] = [];
  #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** One more tenant of that domain: its number. @throws PagefoldError NO_SPACE where there are too many. */
  enter(name: string): number {
    const known = this.#domains.get(name);
    if (known !== undefined) {
      known.tenants += 1;
      return known.number;
    }
    if (this.#domains.size === MOST_DOMAINS) {
      throw new PagefoldError(
        "NO_SPACE",
        `domain "${name}" would be one more than the ${MOST_DOMAINS} a store can tell apart; use one of those there are, or another store`,
      );
    }
    const number = this.#free.pop() ?? this.#engine.addDomain();
    this.#domains.set(name, { number, tenants: 1 });
    return number;
  }

  /** A tenant that holds no pages any more leaves the domain. */
  leave(name: string): void {
    const domain = this.#domains.get(name);
    assert(domain !== undefined, "who leaves a domain was in it");
    domain.tenants -= 1;
    if (domain.tenants > 0) return;
    this.#domains.delete(name);
    this.#free.push(domain.number);
  }

  /** Goes on, with the same numbers, on an engine that is new. */
  restart(engine: Engine): void {
    const numbers = this.#domains.size + this.#free.length;
    for (let number = 0; number < numbers; number++) engine.addDomain();
    this.#engine = engine;
  }
}
