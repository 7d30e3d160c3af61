SELECT tenure, at FROM activity
