SELECT records.sighash, cycle, height, tenure, role, burn_height, state, valid, proposed_at,
       approved_at, signed_self_at, signed_group_at, validation_time, reject_reason, uploaded, block
FROM records LEFT JOIN contents ON contents.sighash = records.sighash
