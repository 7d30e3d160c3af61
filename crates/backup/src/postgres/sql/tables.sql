SELECT json_build_object(
  'database', current_database(),
  'tables', coalesce((
    SELECT json_object_agg(
      format('%s.%s', n.nspname, c.relname),
      (xpath('/row/rows/text()', query_to_xml(
        format('SELECT count(*) AS rows FROM ONLY %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  ), '{}'::json)
)::text;
