"""What happened, provable to a stranger and without personal data."""
