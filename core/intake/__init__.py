"""From words to a checked order draft: what a message or a sheet says, matched to master data, every doubt flagged."""
