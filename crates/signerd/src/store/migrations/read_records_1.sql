SELECT sighash, cycle, block, burn_height, state, valid, proposed_at, approved_at, signed_self_at,
       signed_group_at, validation_time, reject_reason, uploaded
FROM records_1
