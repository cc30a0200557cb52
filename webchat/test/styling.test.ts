/** Styling of messages (XEP-0393): what is styled, what is left alone, and that nothing becomes markup. */
import { describe, expect, test } from 'vitest';
import { render, h } from 'preact';
import { Bubble } from '../src/features/chat/bubble.tsx';
import { readBlocks, readSpans, type Span } from '../src/features/chat/styling.ts';

/** Spans in short: `<strong:a<code:b>>`. */
const short = (spans: Span[]): string =>
  spans
    .map((span) =>
      span.kind === 'text' ? span.text : `<${span.kind}:${'spans' in span ? short(span.spans) : span.text}>`,
    )
    .join('');

describe('spans', () => {
  test.each([
    ['*bold* and _soft_ and ~gone~', '<strong:bold> and <emphasis:soft> and <strike:gone>'],
    ['use `qemu *img*` here', 'use <code:qemu *img*> here'],
    ['*all _nested_ words*', '<strong:all <emphasis:nested> words>'],
    ['*_both_*', '<strong:<emphasis:both>>'],
    // No styling: spaced off, empty, unclosed, inside words.
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['* one\t*', '* one\t*'],
    ['** and __', '** and __'],
    ['*open', '*open'],
    ['my_vm_name and a*b*c', 'my_vm_name and a*b*c'],
    ['*not closed *', '*not closed *'],
    ['(see https://a.example/x_y_z?q=1).', '(see <link:https://a.example/x_y_z?q=1>).'],
    ['javascript:alert(1) data:text/html,x', 'javascript:alert(1) data:text/html,x'],
  ])('%s', (line, expected) => {
    expect(short(readSpans(line))).toBe(expected);
  });
});

describe('blocks', () => {
  test('preformatted blocks keep every character, closed or not', () => {
    expect(readBlocks('see\n```\n*a*  <b>\n```\nend')).toMatchObject([
      { kind: 'line' },
      { kind: 'pre', text: '*a*  <b>' },
      { kind: 'line' },
    ]);
    expect(readBlocks('```\nno end')).toEqual([{ kind: 'pre', text: 'no end' }]);
  });

  test('quotes hold blocks', () => {
    expect(readBlocks('> one\n>> two\nthree')).toMatchObject([
      { kind: 'quote', blocks: [{ kind: 'line' }, { kind: 'quote' }] },
      { kind: 'line' },
    ]);
  });

  test('hostile messages take neither the stack nor the time', () => {
    const began = performance.now();
    readBlocks('>'.repeat(50_000));
    readBlocks('*a '.repeat(50_000));
    readBlocks('*_~'.repeat(600));
    readBlocks(Array.from({ length: 50 }, () => ' *a'.repeat(600)).join('\n'));
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

test('a message with markup is shown as the characters it is made of', () => {
  const body = '<img src=x onerror=alert(1)> *<b>x</b>* `<script>` [x](javascript:alert(1))';
  const root = document.createElement('div');
  const message = {
    key: 1,
    ids: [],
    mine: false,
    from: 'web1@vms',
    nick: '',
    body,
    styled: true,
    at: new Date(),
    edited: false,
    delivery: 'received',
    problem: '',
    responses: [],
  } as const;
  render(h(Bubble, { message, sender: '<i>web1</i>' }), root);
  expect(root.querySelector('img, b, script, i, a')).toBeNull();
  expect(root.querySelector('.body')?.textContent).toBe('<img src=x onerror=alert(1)> <b>x</b> <script> [x](javascript:alert(1))');
});
