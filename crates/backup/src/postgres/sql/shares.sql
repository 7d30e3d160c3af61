SELECT json_build_object(
  'shares', coalesce((
    SELECT json_agg(json_build_object(
        'aggregate_key', encode(s.aggregate_key, 'hex'),
        'status', s.dkg_shares_status::text,
        'height', greatest(coalesce(s.started_at_bitcoin_block_height, 0), 0))
      ORDER BY s.started_at_bitcoin_block_height DESC NULLS LAST,
        (to_jsonb(s) ->> 'created_at')::timestamptz DESC NULLS LAST, s.aggregate_key)
    FROM sbtc_signer.dkg_shares s
  ), '[]'::json)
)::text;
