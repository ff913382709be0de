"""What is kept: journal, audit, wheel, freezes, settings, secrets; the only place that imports SQLAlchemy and keyring."""
