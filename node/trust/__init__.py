"""Whom this node may talk to: member records, routes, staleness."""
