"""The practice shop: real processes and real traffic on loopback."""
