"""What leaves the house with the evidence: a verifier that needs nothing of ours."""
