"""Measurements behind the course's figures: `python -m benchmarks.NAME`, JSON on the last line."""
