"""What may happen: direction, freeze, permission, planning; pure, `now` is an argument."""
