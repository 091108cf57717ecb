/** A heap of linked objects, walked along its links several times: node - COUNT ROUNDS. Prints one checksum. */

import { createHash } from "node:crypto";

const [count, rounds] = process.argv.slice(2).map(Number);
const nodes = Array.from({ length: count }, (_, id) => ({
  name: `node-${id}`,
  word: Math.imul(id, 0x9e3779b1) >>> 0,
  numbers: [id, id * 2, id * 3],
  next: null,
}));
for (let id = 0; id < count; id++) nodes[id].next = nodes[(id + 5) % count];
let node = nodes[0];
for (let step = 0; step < count * rounds; step++) {
  node.word = (Math.imul(node.word, 69069) + node.numbers[step % 3]) >>> 0;
  node = node.next;
}
const digest = createHash("sha256");
for (const { name, word } of nodes) digest.update(`${name} ${word}\n`);
console.log(digest.digest("hex"));
