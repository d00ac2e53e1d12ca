"""What leaves: order, limits, repeats, and what happens when it cannot leave."""
