UPDATE api_users
SET disabled = TRUE
WHERE username = %(username)s
RETURNING username
