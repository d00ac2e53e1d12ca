"""From words with places on a page to an order sheet: rows, columns, fields, and what cannot be trusted."""
