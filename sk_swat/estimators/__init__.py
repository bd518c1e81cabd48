"""The public classes: their parameters, what a fit keeps, and the file of a model."""
