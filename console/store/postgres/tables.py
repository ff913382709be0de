"""The tables that only a team has; `rules.sql` makes them."""

from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

people = Table(
    "people",
    MetaData(),
    Column("login", Text, primary_key=True),
    Column("roles", ARRAY(Text), nullable=False),
    Column("environments", ARRAY(Text), nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    Column("removed_at", Text),
)
