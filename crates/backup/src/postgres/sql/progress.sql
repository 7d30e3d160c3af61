SELECT json_build_object(
  'migrations', coalesce((SELECT json_agg(m.key ORDER BY m.key) FROM public.__sbtc_migrations m), '[]'::json),
  'newest_block', (
    SELECT json_build_object(
      'height', greatest(b.block_height, 0),
      'created_at', floor(extract(epoch FROM (to_jsonb(b) ->> 'created_at')::timestamptz))::bigint)
    FROM sbtc_signer.bitcoin_blocks b ORDER BY b.block_height DESC LIMIT 1
  )
)::text;
