"""SQLAlchemy and Redis behind core.ports."""
