SELECT signer_addr FROM (SELECT signer_addr FROM block_signatures LIMIT 1)
UNION SELECT signer_addr FROM (SELECT signer_addr FROM block_pre_commits LIMIT 1)
UNION SELECT signer_addr FROM (SELECT signer_addr FROM signer_state_machine_updates LIMIT 1)
