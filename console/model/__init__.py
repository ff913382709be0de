"""What a release is: frozen values, ports, events and errors; standard library only."""
