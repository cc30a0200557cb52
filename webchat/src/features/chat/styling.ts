/** Message styling (XEP-0393): reads the plain text of a message into blocks and spans. Never makes markup. */

export type Span =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'link'; text: string }
  | { kind: 'strong' | 'emphasis' | 'strike'; spans: Span[] };

export type Block =
  | { kind: 'line'; spans: Span[] }
  | { kind: 'pre'; text: string }
  | { kind: 'quote'; blocks: Block[] };

const FENCE = '```';
/** Quotes in quotes deeper than this are shown flat; a hostile message must not exhaust the stack. */
const MAX_DEPTH = 8;
/** Longer lines are shown as they are: looking for pairs of marks takes time in the square of the length. */
const MAX_STYLED_LINE = 2_000;
const MARKS = { '*': 'strong', _: 'emphasis', '~': 'strike', '`': 'code' } as const;

/** Reads a whole message. */
export function readBlocks(body: string, depth = 0): Block[] {
  const lines = body.split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? '';
    if (line.startsWith(FENCE)) {
      const close = lines.findIndex((other, j) => j > i && other.trimEnd() === FENCE);
      const end = close < 0 ? lines.length : close;
      blocks.push({ kind: 'pre', text: lines.slice(i + 1, end).join('\n') });
      i = end + 1;
    } else if (line.startsWith('>') && depth < MAX_DEPTH) {
      let end = i;
      while (lines[end]?.startsWith('>')) end++;
      const inner = lines.slice(i, end).map((quoted) => quoted.replace(/^> ?/, ''));
      blocks.push({ kind: 'quote', blocks: readBlocks(inner.join('\n'), depth + 1) });
      i = end;
    } else {
      blocks.push({ kind: 'line', spans: readSpans(line) });
      i++;
    }
  }
  return blocks;
}

/** Reads one line. A mark opens after a space, the start or another mark, and encloses something not spaced off. */
export function readSpans(line: string, depth = 0): Span[] {
  if (line.length > MAX_STYLED_LINE) return [{ kind: 'text', text: line }];
  const spans: Span[] = [];
  let plainFrom = 0;
  for (let i = 0; i < line.length; ) {
    const close = depth < MAX_DEPTH && opens(line, i, plainFrom) ? closing(line, i) : -1;
    if (close < 0) {
      i++;
      continue;
    }
    spans.push(...readLinks(line.slice(plainFrom, i)));
    const inner = line.slice(i + 1, close);
    const kind = MARKS[line[i] as keyof typeof MARKS];
    spans.push(kind === 'code' ? { kind, text: inner } : { kind, spans: readSpans(inner, depth + 1) });
    i = close + 1;
    plainFrom = i;
  }
  spans.push(...readLinks(line.slice(plainFrom)));
  return spans;
}

function opens(line: string, at: number, spanEnd: number): boolean {
  if (!(line[at]! in MARKS)) return false;
  const before = line[at - 1] ?? ' ';
  const after = line[at + 1] ?? ' ';
  const free = /\s/.test(before) || (before in MARKS && at > spanEnd);
  return free && !/\s/.test(after);
}

/** Where the span opened at `at` ends, or -1: the nearest same mark with something before it that is no space. */
function closing(line: string, at: number): number {
  for (let i = line.indexOf(line[at]!, at + 2); i >= 0; i = line.indexOf(line[at]!, i + 1)) {
    if (!/\s/.test(line[i - 1] ?? ' ')) return i;
  }
  return -1;
}

/** Finds web addresses; only these two schemes ever become links. */
function readLinks(text: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]]/g)) {
    if (match.index > from) spans.push({ kind: 'text', text: text.slice(from, match.index) });
    spans.push({ kind: 'link', text: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) spans.push({ kind: 'text', text: text.slice(from) });
  return spans;
}
