"""The conformance check: plays the other side against any implementation."""
