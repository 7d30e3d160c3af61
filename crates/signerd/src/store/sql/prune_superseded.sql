DELETE FROM superseded WHERE burn_height < ?
