WITH objects AS (
  SELECT format('%s.%s', n.nspname, c.relname) AS name,
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS reads,
    c.relkind <> 'S' AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
)
SELECT json_build_object(
  'powers', array_to_json(array_remove(ARRAY[
    CASE WHEN r.rolsuper THEN 'is a superuser' END,
    CASE WHEN r.rolcreatedb THEN 'can make databases' END,
    CASE WHEN r.rolcreaterole THEN 'can make roles' END,
    CASE WHEN r.rolreplication THEN 'can replicate the server' END,
    CASE WHEN r.rolbypassrls THEN 'bypasses row security' END], NULL)),
  'writes', coalesce((SELECT json_agg(t.name ORDER BY t.name) FROM objects t WHERE t.writes), '[]'::json),
  'blind', coalesce((SELECT json_agg(t.name ORDER BY t.name) FROM objects t WHERE NOT t.reads), '[]'::json)
)::text
FROM pg_roles r WHERE r.rolname = current_user;
