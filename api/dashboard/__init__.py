"""The pages that people read: sign in, a month's sales at a glance, the API's documentation."""
