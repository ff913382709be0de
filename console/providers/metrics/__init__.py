"""Sources of counts and measurements per side."""
