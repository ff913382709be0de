"""The store of a team: PostgreSQL, one login for each person, and a journal of one's own for when it is gone."""
