WITH objects AS (
  SELECT format('%s.%s', n.nspname, c.relname) AS name,
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS reads,
    c.relkind <> 'S' AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
)
SELECT json_build_object(
  'superuser', r.rolsuper, 'createdb', r.rolcreatedb, 'createrole', r.rolcreaterole,
  'replication', r.rolreplication, 'bypassrls', r.rolbypassrls,
  'writes', coalesce((SELECT json_agg(t.name ORDER BY t.name) FROM objects t WHERE t.writes), '[]'::json),
  'blind', coalesce((SELECT json_agg(t.name ORDER BY t.name) FROM objects t WHERE NOT t.reads), '[]'::json)
)::text
FROM pg_roles r WHERE r.rolname = current_user;
