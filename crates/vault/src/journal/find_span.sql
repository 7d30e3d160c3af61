SELECT tenure, lowest, highest, blocks FROM span WHERE tenure = ?1
