"""What is measured, printed side by side. Nothing here passes or fails: a shared machine's clock decides nothing."""
