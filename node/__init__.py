"""Staffelstab: municipal nodes that hand over cases, with consent and proof."""
