"""The town's own software talks to us here."""
