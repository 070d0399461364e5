"""What the integration tests are written with: real processes, raw sockets, loopback only, a deadline on every wait."""
