#!/bin/sh
# Writes fixtures/golden/lz4.tsv: what the reference library's LZ4_compress_default makes of every fixture page.
# Needs a C compiler and liblz4 with its header (Debian: gcc liblz4-dev). The result holds for that library's version on
# 64-bit little-endian machines; the file's first line names the version.
set -eu

cd "$(dirname "$0")/../.."
for tool in cc node gunzip; do
  command -v "$tool" >/dev/null || { echo "make-lz4-golden: $tool is not installed; install it" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/reference.c" <<'C'
#include <lz4.h>
#include <stdint.h>
#include <stdio.h>

/* With an argument: the library's version. Else pages in, and for each its block out, after the block's length. */
int main(int count, char **words) {
  static char page[4096], block[LZ4_COMPRESSBOUND(4096)];
  (void)words;
  if (count > 1) return puts(LZ4_versionString()) < 0;
  while (fread(page, sizeof page, 1, stdin) == 1) {
    int32_t length = LZ4_compress_default(page, block, sizeof page, sizeof block);
    if (length <= 0) return 1;
    if (fwrite(&length, sizeof length, 1, stdout) != 1) return 1;
    if (fwrite(block, (size_t)length, 1, stdout) != 1) return 1;
  }
  return ferror(stdin);
}
C
cc -O2 -o "$work/reference" "$work/reference.c" -llz4 || {
  echo "make-lz4-golden: liblz4 or its header is missing; install liblz4-dev" >&2
  exit 1
}

names=""
number=0
for file in fixtures/*.pages.gz; do
  gunzip -c "$file" | "$work/reference" >"$work/$number.blocks"
  names="$names $number=$(basename "$file" .pages.gz)"
  number=$((number + 1))
done

mkdir -p fixtures/golden
{
  echo "# liblz4 $("$work/reference" version), LZ4_compress_default; file number, page, bytes, SHA-256 (16 digits);$names"
  node --input-type=module - "$work" "$number" <<'JS'
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const [work, files] = process.argv.slice(2);
for (let file = 0; file < Number(files); file++) {
  const blocks = readFileSync(`${work}/${file}.blocks`);
  for (let at = 0, page = 0; at < blocks.length; page++) {
    const length = blocks.readInt32LE(at);
    const block = blocks.subarray(at + 4, at + 4 + length);
    const hash = createHash("sha256").update(block).digest("hex").slice(0, 16);
    console.log([file, page, length, hash].join("\t"));
    at += 4 + length;
  }
}
JS
} >"$work/lz4.tsv"
mv "$work/lz4.tsv" fixtures/golden/lz4.tsv
