-- A database as the sBTC signer's, for tests. Origin: written from docs/spec/sbtc-database.md, section 2, which
-- describes tables and columns; types that it does not give are chosen here.
CREATE TABLE public.__sbtc_migrations (key TEXT PRIMARY KEY);
INSERT INTO public.__sbtc_migrations
  SELECT format('%s__fixture.sql', lpad(n::text, 4, '0')) FROM generate_series(1, 22) n WHERE n <> 2;
CREATE SCHEMA sbtc_signer;
SET search_path = sbtc_signer;
CREATE TYPE dkg_shares_status AS ENUM ('unverified', 'verified', 'failed');
CREATE TABLE bitcoin_blocks (
  block_hash BYTEA PRIMARY KEY, block_height BIGINT NOT NULL, parent_hash BYTEA NOT NULL, is_canonical BOOLEAN,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE INDEX ON bitcoin_blocks (block_height);
CREATE TABLE stacks_blocks (
  block_hash BYTEA PRIMARY KEY, block_height BIGINT NOT NULL, parent_hash BYTEA NOT NULL,
  bitcoin_anchor BYTEA NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE TABLE dkg_shares (
  aggregate_key BYTEA PRIMARY KEY, tweaked_aggregate_key BYTEA NOT NULL, encrypted_private_shares BYTEA NOT NULL,
  public_shares BYTEA NOT NULL, script_pubkey BYTEA NOT NULL, signer_set_public_keys BYTEA[] NOT NULL,
  signature_share_threshold INTEGER NOT NULL, dkg_shares_status dkg_shares_status NOT NULL,
  started_at_bitcoin_block_hash BYTEA NOT NULL, started_at_bitcoin_block_height BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE TABLE deposit_requests (
  txid BYTEA, output_index INTEGER, amount BIGINT NOT NULL, max_fee BYTEA NOT NULL, recipient TEXT NOT NULL,
  PRIMARY KEY (txid, output_index));
CREATE TABLE withdrawal_requests (
  request_id BIGINT, block_hash BYTEA, amount BIGINT NOT NULL, PRIMARY KEY (request_id, block_hash));
CREATE TABLE rotate_keys_transactions (
  txid BYTEA, block_hash BYTEA, aggregate_key BYTEA NOT NULL, PRIMARY KEY (txid, block_hash));
CREATE TABLE completed_deposit_events (id BIGSERIAL PRIMARY KEY, txid BYTEA NOT NULL);
INSERT INTO bitcoin_blocks (block_hash, block_height, parent_hash)
  SELECT sha256(n::text::bytea), n, sha256((n - 1)::text::bytea) FROM generate_series(849900, 850200) n;
INSERT INTO deposit_requests SELECT sha256(n::text::bytea), 0, n, '\x0000000000000010', 'SP000000000000000000002Q6VF78'
  FROM generate_series(1, 50) n;
INSERT INTO completed_deposit_events (txid) SELECT txid FROM deposit_requests;
