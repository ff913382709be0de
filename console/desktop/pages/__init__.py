"""One page per file; a page composes widgets."""
