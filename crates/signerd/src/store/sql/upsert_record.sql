INSERT INTO records
    (sighash, cycle, height, tenure, role, burn_height, state, valid, proposed_at, approved_at,
     signed_self_at, signed_group_at, validation_time, reject_reason, uploaded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sighash) DO UPDATE SET
    cycle = excluded.cycle, burn_height = excluded.burn_height, state = excluded.state,
    valid = excluded.valid, proposed_at = excluded.proposed_at, approved_at = excluded.approved_at,
    signed_self_at = excluded.signed_self_at, signed_group_at = excluded.signed_group_at,
    validation_time = excluded.validation_time, reject_reason = excluded.reject_reason,
    uploaded = excluded.uploaded
