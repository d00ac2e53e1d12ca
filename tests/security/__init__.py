"""What strangers must not learn and must not be able to do."""
