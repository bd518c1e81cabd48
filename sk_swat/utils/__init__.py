"""What knows nothing of networks: checks, names in messages, deadlines, files, torch's global state."""
