//! SIP-018: structured data hashes with domain separation.
