SET statement_timeout = '10min';
SET lock_timeout = '30s';
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT json_build_object(
  'snapshot', pg_export_snapshot(),
  'server_version', split_part(current_setting('server_version'), ' ', 1),
  'server_number', current_setting('server_version_num')::int,
  'size', pg_database_size(current_database())
)::text;
