"""Two towns of invented people, staged stories, and the check that walks them."""
