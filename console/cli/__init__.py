"""The same verbs as the windows, for scripts, CI gates and auditors."""
