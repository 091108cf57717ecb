/** Bytes as the pages show them: as `xxd` does, four columns in. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Buffer.from(bytes.subarray(at, at + 16));
    const hex = row.toString("hex").replaceAll(/(....)(?=.)/g, "$1 ");
    const text = row.toString("latin1").replaceAll(/[^ -~]/g, ".");
    lines.push(`    ${at.toString(16).padStart(8, "0")}: ${hex.padEnd(39)}  ${text}`);
  }
  return lines.join("\n");
}
