SELECT signer_signature_hash, reward_cycle, consensus_hash, stacks_height, burn_block_height, state,
       valid, proposed_time, signed_self AS approved, signed_self, signed_group, validation_time_ms,
       broadcasted IS NOT NULL, tenure_change, NULL AS cause,
       signed_over OR EXISTS (SELECT 1 FROM block_signatures AS signed
               WHERE signed.signer_signature_hash = blocks.signer_signature_hash
                 AND signed.signer_addr = ?1)
FROM blocks ORDER BY stacks_height
