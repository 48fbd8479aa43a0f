"""Who may do what at this node."""
