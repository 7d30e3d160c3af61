SELECT name, value FROM attendance
