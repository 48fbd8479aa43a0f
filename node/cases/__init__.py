"""What one municipality knows of a person, and what may leave."""
