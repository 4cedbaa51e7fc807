"""The same training epochs in other frameworks. Each file has `epoch(workload, model, x, y)`, which returns one epoch as a function."""
