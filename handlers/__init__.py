"""One file per thing a person does in chat; no I/O libraries."""
