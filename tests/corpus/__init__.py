"""Tests against wide recorded data, which lies outside the repository."""
