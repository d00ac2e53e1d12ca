"""What an order is and what may happen to it. Plain Python: no web, database, Redis or platform package."""
