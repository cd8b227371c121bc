INSERT INTO api.audit_log (event_name, username, client, request_id)
VALUES (%(event)s, %(username)s, %(client)s, %(request_id)s)
