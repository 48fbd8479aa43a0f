"""What caseworkers do, one transaction per act: cases, consents, relocations."""
