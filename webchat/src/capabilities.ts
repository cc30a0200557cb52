/** What this client says it can do, so that machines know which comforts they may use (XEP-0030, XEP-0115). */
import { NS } from './protocol.ts';

/** Identifies the software; the hash below belongs to it. */
export const NODE = 'urn:atoll:webchat';

/** Name in the identity; part of the hash, so not translated. */
export const NAME = 'Atoll';

/** Sorted, as the hash wants it. */
export const FEATURES: readonly string[] = [
  NS.caps,
  NS.chatStates,
  NS.discoInfo,
  NS.muc,
  NS.correct,
  NS.ping,
  NS.quickResponse,
  NS.receipts,
  NS.styling,
].sort();

/** XEP-0115 verification string of the above; a test recomputes it. Constant, since hashing needs a secure context. */
export const VERSION = 'cjvP1PLdWn15QAd0zTJZSt4Swh4=';
