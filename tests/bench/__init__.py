"""Figures: what we do, measured beside what others do."""
