/** Text from outside, made safe to show. */

/** `text` with control characters, which could steer a terminal, written as `\x1b`. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
