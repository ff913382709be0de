"""What the numbers say: sequential tests, planner, loss meter, decimation; pure."""
