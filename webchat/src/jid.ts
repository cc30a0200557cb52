/** XMPP addresses (RFC 7622), as far as a client needs them: split, compared and shown. */

/** The parts of an address; `local` and `resource` are empty where absent. */
export interface Jid {
  local: string;
  domain: string;
  resource: string;
}

/**
 * Reads an address.
 * @returns its parts, local and domain part in lower case as servers compare them, or null if it is none.
 */
export function parseJid(text: string): Jid | null {
  const trimmed = text.trim();
  const slash = trimmed.indexOf('/');
  const bareText = slash < 0 ? trimmed : trimmed.slice(0, slash);
  const resource = slash < 0 ? '' : trimmed.slice(slash + 1);
  const at = bareText.indexOf('@');
  const local = at < 0 ? '' : bareText.slice(0, at).normalize('NFKC').toLowerCase();
  const domain = bareText.slice(at + 1).normalize('NFKC').toLowerCase();
  if (at === 0 || /["&'/:<>@\s]/.test(local)) return null;
  if (!/^(?:[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}._-]*[\p{L}\p{N}\p{M}])?|\[[\da-f:.]+\])$/u.test(domain)) return null;
  return { local, domain, resource };
}

/** The address without its resource; what is no address stays as it is (and so equals nothing else). */
export function bare(text: string): string {
  const jid = parseJid(text);
  if (!jid) return text;
  return jid.local ? `${jid.local}@${jid.domain}` : jid.domain;
}

/** The resource of an address (in a room: the nick), or nothing. */
export function resource(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? '' : text.slice(slash + 1);
}

/** The domain of an address, or nothing if it is no address. */
export function domain(text: string): string {
  return parseJid(text)?.domain ?? '';
}

/** A short name to show for an address: its local part with XEP-0106 escapes undone, else its domain. */
export function shortName(text: string): string {
  const jid = parseJid(text);
  if (!jid) return text;
  if (!jid.local) return jid.domain;
  return jid.local.replace(/\\(20|22|26|27|2f|3a|3c|3e|40|5c)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
