INSERT INTO api_users (username, password_hash, scopes)
VALUES (%(username)s, %(password_hash)s, %(scopes)s)
ON CONFLICT (username) DO NOTHING
RETURNING username
