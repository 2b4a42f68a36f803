"""Compares training methods of sibp_dist: plans runs, makes them, chooses the best parameters, writes a report."""
