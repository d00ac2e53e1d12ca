"""Order files by kind: what a file really is, and its text as words with boxes. Runs in the
recogniser's child."""
