/** Chance for a simulation: a generator for each actor, so that what one draws moves no other. */

import { SeededRandom } from "../base/random.ts";

export class RandomStreams {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The generator of that name: the same for the same seed and name. FNV-1a over both. */
  stream(name: string): SeededRandom {
    let hash = 0x811c9dc5 ^ this.#seed;
    for (const character of name) {
      hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
    }
    return new SeededRandom(Math.imul(hash ^ (hash >>> 16), 0x85ebca6b));
  }
}
