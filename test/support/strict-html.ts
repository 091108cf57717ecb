/**
 * A strict reader of HTML pages for tests: every element closed in order, every attribute quoted and given once, every
 * `&` a reference. It takes less than browsers do, so what it takes is well formed.
 */

const VOID = new Set(["meta", "br", "link", "img", "hr", "input"]);
const TAG = /^<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*>/;
const ATTRIBUTE = /([\w:-]+)="([^"<]*)"/g;
const REFERENCE = /&(?!(?:amp|lt|gt|quot|#39);)/;
/** What these hold is not markup. */
const RAW = new Set(["style", "script", "title"]);

export interface HtmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The names of those it is in, outermost first. */
  readonly path: readonly string[];
  /** Its own, without that of elements in it; references as they are written. */
  text: string;
}

function attributesOf(source: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name, value] of source.matchAll(ATTRIBUTE)) {
    if (name! in attributes) throw new Error(`attribute ${name} twice in ${source}`);
    if (REFERENCE.test(value!)) throw new Error(`a bare & in ${name}="${value}"`);
    attributes[name!] = value!;
  }
  return attributes;
}

/** All elements in order; throws at the first place that is not well formed. */
export function readHtml(page: string): HtmlElement[] {
  if (!page.startsWith("<!DOCTYPE html>\n")) throw new Error("no doctype");
  const elements: HtmlElement[] = [];
  const open: HtmlElement[] = [];
  let at = "<!DOCTYPE html>\n".length;
  while (at < page.length) {
    const next = page.indexOf("<", at);
    const text = page.slice(at, next === -1 ? page.length : next);
    const inner = open.at(-1);
    if (REFERENCE.test(text) && inner?.name !== "style") throw new Error(`a bare & in ${text}`);
    if (inner) inner.text += text;
    else if (text.trim() !== "") throw new Error(`text outside the page: ${text}`);
    if (next === -1) break;
    const tag = TAG.exec(page.slice(next));
    if (tag === null) throw new Error(`no tag: ${page.slice(next, next + 60)}`);
    const [whole, slash, name, attributes] = tag;
    at = next + whole.length;
    if (slash === "/") {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes <${inner?.name}>`);
      continue;
    }
    if (inner && RAW.has(inner.name)) throw new Error(`<${name}> in <${inner.name}>`);
    const path = open.map((element) => element.name);
    const element = { name: name!, attributes: attributesOf(attributes!), path, text: "" };
    elements.push(element);
    if (!VOID.has(name!)) open.push(element);
  }
  if (open.length > 0) throw new Error(`left open: ${open.map(({ name }) => name).join(" ")}`);
  return elements;
}
