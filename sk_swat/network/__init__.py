"""The sparse network: what it computes, folding and rounding, the path of sizes, batches of networks in torch."""
