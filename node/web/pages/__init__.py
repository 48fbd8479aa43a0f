"""The pages: one module per first part of an address."""
