"""The handover of a case between two nodes."""
