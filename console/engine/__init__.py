"""What runs: rollouts, watches and rollbacks, on one asyncio loop in one thread; knows ports, not providers."""
