UPDATE api.users
SET password_hash = %(new_hash)s
WHERE username = %(username)s AND password_hash = %(old_hash)s
