"""The story of a fit: which rows each stage sees, the stages, judging by held-out rows, and who watches."""
