"""Backups on both databases, under writes, damaged, and restored for good."""
