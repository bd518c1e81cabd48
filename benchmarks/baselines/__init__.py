"""What sk_swat is compared with: regressors of scikit-learn, other searches for small networks, and optional peers."""
