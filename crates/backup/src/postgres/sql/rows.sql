SELECT coalesce(json_agg(json_build_object(
    'aggregate_key', encode(s.aggregate_key, 'hex'),
    'tweaked_aggregate_key', encode(s.tweaked_aggregate_key, 'hex'),
    'encrypted_private_shares', encode(s.encrypted_private_shares, 'hex'),
    'public_shares', encode(s.public_shares, 'hex'),
    'script_pubkey', encode(s.script_pubkey, 'hex'),
    'signer_set', (SELECT json_agg(encode(k, 'hex')) FROM unnest(s.signer_set_public_keys) k),
    'threshold', s.signature_share_threshold)
  ORDER BY s.started_at_bitcoin_block_height DESC NULLS LAST,
    (to_jsonb(s) ->> 'created_at')::timestamptz DESC NULLS LAST, s.aggregate_key), '[]'::json)::text
FROM sbtc_signer.dkg_shares s WHERE s.dkg_shares_status::text = 'verified';
