SELECT max(version) FROM db_config
