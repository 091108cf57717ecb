/**
 * Where a text stops being JSON. The engine's own parser says why not, but often not where; only asked once it has
 * refused the text.
 */

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** The offset of the first thing that cannot stand where it stands; the text's length where it ends too soon. */
export function jsonErrorOffset(text: string): number {
  let offset = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const length = pattern.exec(text)?.[0].length ?? 0;
    offset += length;
    return length > 0;
  };
  const takeOne = (character: string): boolean => {
    if (text[offset] !== character) return false;
    offset += 1;
    return true;
  };
  const open: ("[" | "{")[] = [];
  /** Whether what is open may end here without a comma before. */
  let isFresh = false;
  for (;;) {
    take(SPACE);
    const holder = open.at(-1);
    const closer = holder === "[" ? "]" : "}";
    let isClosed = isFresh && holder !== undefined && takeOne(closer);
    if (!isClosed && holder === "{") {
      if (!take(STRING)) return offset;
      take(SPACE);
      if (!takeOne(":")) return offset;
      take(SPACE);
    }
    if (!isClosed) {
      const opener = text[offset];
      if (opener === "[" || opener === "{") {
        open.push(opener);
        offset += 1;
        isFresh = true;
        continue;
      }
      if (!take(STRING) && !take(SCALAR)) return offset;
    } else {
      open.pop();
    }
    isFresh = false;
    for (;;) {
      take(SPACE);
      const within = open.at(-1);
      if (within === undefined || takeOne(",")) break;
      isClosed = takeOne(within === "[" ? "]" : "}");
      if (!isClosed) return offset;
      open.pop();
    }
    if (open.length === 0) return offset;
  }
}
