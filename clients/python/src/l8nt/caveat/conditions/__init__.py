"""The conditions: one object in one file each. No other file compares a condition's name."""
