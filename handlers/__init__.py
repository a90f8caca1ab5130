"""What members type: one module for each area, none of which imports another."""
