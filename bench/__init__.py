"""Speed and memory, always as ratios side by side in one run: these figures are for comparing, never for asserting."""
