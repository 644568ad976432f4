"""What is measured against has to give the same answer as the product."""
