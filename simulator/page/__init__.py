"""The page with the phones: what it is told, what it may ask for, and the files it is made of."""
