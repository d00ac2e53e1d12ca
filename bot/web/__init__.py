"""The pages chat cannot replace."""
