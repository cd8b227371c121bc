SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_privileged
FROM pg_roles
WHERE rolname = %(role)s
