"""The reading side: rows for pages, figures for reports."""
