SELECT tenure, lowest, highest, blocks FROM span
