SELECT cycle, signer, content, at FROM peer_updates
