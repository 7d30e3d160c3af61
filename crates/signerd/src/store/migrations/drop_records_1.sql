DROP TABLE records_1
