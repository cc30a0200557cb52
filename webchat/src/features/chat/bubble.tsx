/** One message: its text with styling, time, and how far it came. Text is only ever written as text. */
import { Component, type ComponentChild } from 'preact';
import type { Message } from '../../store.ts';
import { words } from '../../words.ts';
import { readBlocks, type Block, type Span } from './styling.ts';

interface Props {
  message: Message;
  /** Shown above the text; empty if the message before is of the same sender. */
  sender: string;
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** Redrawn only when the message changed: reading the styling of a long conversation costs. */
export class Bubble extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.message !== this.props.message || next.sender !== this.props.sender;
  }

  override render({ message, sender }: Props) {
    const { mine, body, styled, at, edited, delivery, problem } = message;
    return (
      <div class={`bubble ${mine ? 'mine' : 'theirs'}`}>
        {sender && <p class="sender">{sender}</p>}
        <div class="body">{styled ? readBlocks(body).map(drawBlock) : <p>{body}</p>}</div>
        <p class="meta">
          {edited && <span>{words.chat.edited}</span>}
          <time dateTime={at.toISOString()} title={at.toLocaleString()}>
            {time.format(at)}
          </time>
          {mine && (
            <span class={`tick ${delivery}`} role="img" aria-label={words.chat.delivery[delivery]}>
              {TICKS[delivery]}
            </span>
          )}
        </p>
        {problem && <p class="problem">{words.chat.failed(problem)}</p>}
      </div>
    );
  }
}

const TICKS = { sent: '·', received: '✓', displayed: '✓✓', failed: '!' } as const;

function drawBlock(block: Block): ComponentChild {
  switch (block.kind) {
    case 'pre':
      return <pre tabIndex={0}>{block.text}</pre>;
    case 'quote':
      return <blockquote>{block.blocks.map(drawBlock)}</blockquote>;
    case 'line':
      return <p>{block.spans.length > 0 ? block.spans.map(drawSpan) : <br />}</p>;
  }
}

function drawSpan(span: Span): ComponentChild {
  switch (span.kind) {
    case 'text':
      return span.text;
    case 'code':
      return <code>{span.text}</code>;
    case 'strong':
      return <strong>{span.spans.map(drawSpan)}</strong>;
    case 'emphasis':
      return <em>{span.spans.map(drawSpan)}</em>;
    case 'strike':
      return <s>{span.spans.map(drawSpan)}</s>;
    case 'link':
      return (
        <a href={span.text} target="_blank" rel="noopener noreferrer">
          {span.text}
        </a>
      );
  }
}
